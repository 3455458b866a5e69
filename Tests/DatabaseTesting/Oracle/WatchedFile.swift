import StorageIOTesting

/// A file as an ``OrderingOracle`` knows it from the calls on it: what was written, and what of it
/// is durable whatever happens.
final class WatchedFile {
    static let pageSize = 4096

    private(set) var written: [UInt8]
    private(set) var durable: [UInt8]
    /// The pages that differ, or may.
    private var dirtyPages: Set<Int> = []
    /// Whether the file was cut since the last sync, so that pages alone don't tell.
    private var isCut = false

    init(_ image: FileImage = FileImage(durable: [], current: [])) {
        written = image.current
        durable = image.durable
        if written != durable { isCut = true }
    }

    func write(_ bytes: [UInt8], at offset: Int) {
        if bytes.isEmpty { return }
        let end = offset + bytes.count
        resize(to: max(end, written.count))
        written.replaceSubrange(offset..<end, with: bytes)
        for page in offset / Self.pageSize...(end - 1) / Self.pageSize { dirtyPages.insert(page) }
    }

    func resize(to size: Int) {
        if size < written.count {
            written.removeLast(written.count - size)
            isCut = true
        } else {
            // An array, as the elements of other sequences are appended one by one in a debug build.
            written += [UInt8](repeating: 0, count: size - written.count)
        }
    }

    func sync() {
        if isCut {
            durable = written
        } else {
            durable += [UInt8](repeating: 0, count: written.count - durable.count)
            for page in dirtyPages {
                let start = page * Self.pageSize
                let end = min(start + Self.pageSize, written.count)
                durable.replaceSubrange(start..<end, with: written[start..<end])
            }
        }
        dirtyPages = []
        isCut = false
    }

    /// Whether a page is durable as it was written.
    func isDurable(_ page: Int) -> Bool {
        let start = page * Self.pageSize
        let end = start + Self.pageSize
        guard end <= durable.count, end <= written.count else { return false }
        if !isCut && !dirtyPages.contains(page) { return true }
        return durable[start..<end] == written[start..<end]
    }

    /// The first page that is not durable, if any.
    var isAllDurable: Bool { dirtyPages.isEmpty && !isCut && written.count == durable.count }

    static func page(_ number: Int, of bytes: [UInt8]) -> LittleEndianBytes? {
        let start = number * pageSize
        guard number >= 0, start + pageSize <= bytes.count else { return nil }
        return LittleEndianBytes(bytes[start..<start + pageSize])
    }
}
