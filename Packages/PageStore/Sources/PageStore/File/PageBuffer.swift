import StorageIO

/// Memory for pages outside the cache: superblocks, free-list pages, pages checked past the cache.
@safe public final class PageBuffer {
    private let start: UnsafeMutableRawPointer
    /// How many pages it has room for.
    public let pageCount: Int

    /// Zeroed memory for `pageCount` pages, at least one.
    public init(pageCount: Int) {
        self.pageCount = max(1, pageCount)
        let byteCount = self.pageCount << PageLayout.pageShift
        unsafe start = .allocate(byteCount: byteCount, alignment: PageLayout.pageSize)
        unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { unsafe start.deallocate() }

    /// The page at `index`.
    ///
    /// - Precondition: `index` is from 0 to below ``pageCount``.
    public func page(_ index: Int) -> PageBytes {
        precondition(index >= 0 && index < pageCount, "no such page in the buffer")
        return unsafe PageBytes(start + index << PageLayout.pageShift)
    }

    /// All bytes.
    public var bytes: ByteView {
        unsafe ByteView(
            start: UnsafeRawPointer(start), count: pageCount << PageLayout.pageShift)
    }

    /// Copies bytes to a place in the buffer.
    ///
    /// - Precondition: they fit.
    func copy(_ source: ByteView, to offset: Int) {
        precondition(
            offset >= 0 && source.count <= (pageCount << PageLayout.pageShift) - offset,
            "the bytes do not fit the buffer")
        unsafe (start + offset).copyMemory(from: source.start, byteCount: source.count)
    }

    /// The first `byteCount` bytes, to be read into.
    @unsafe
    func buffer(byteCount: Int) -> UnsafeMutableRawBufferPointer {
        precondition(byteCount <= pageCount << PageLayout.pageShift)
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }
}

extension PageBytes {
    /// The checksum that the whole page should carry.
    var computedChecksum: UInt32 {
        CRC32C.checksum(bytes(PageLayout.pageNumber, count: PageLayout.pageSize - 4))
    }

    /// Sets the checksum of the whole page.
    func seal() { store(computedChecksum, at: PageLayout.checksum) }

    /// Whether the page's checksum fits.
    var isIntact: Bool { u32(PageLayout.checksum) == computedChecksum }

    /// Whether all `count` bytes from `offset` are zero.
    func isZero(_ offset: Int, count: Int) -> Bool {
        let view = bytes(offset, count: count)
        for index in 0..<view.count where view[index] != 0 { return false }
        return true
    }
}
