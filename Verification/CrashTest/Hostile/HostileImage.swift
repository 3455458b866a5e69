@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import WAL

/// What one version of a database holds, as hashes of its entries in order.
struct HostileState: Equatable {
    var main: [UInt64] = []
    /// The named tables, by name.
    var tables: [[UInt64]] = []

    static func hash(_ key: ByteView, _ value: ByteView) -> UInt64 {
        let first = CRC32C.checksum(key, seed: 7)
        return UInt64(first) << 32 | UInt64(CRC32C.checksum(value, seed: first))
    }
}

/// The files of a sound database, and what is right to read from them.
struct HostileImage {
    var name: String
    var data: [UInt8]
    /// nil after a clean close.
    var log: [UInt8]?
    var segmentSize: Int
    var options: DatabaseOptions
    /// The content by transaction.
    var states: [UInt64: HostileState]
    /// The newest transaction.
    var transaction: UInt64
    /// The same database earlier.
    var older: (data: [UInt8], log: [UInt8]?)
    /// Some keys that are there, and one that is not.
    var keys: [[UInt8]]

    /// The kind of each page, 0 for those that nothing uses. The inside of a run counts as the run.
    private(set) var kinds: [UInt8] = []
    /// For each page of an overflow run the first.
    private(set) var runHead: [Int] = []
    /// Where the frames of the log lie.
    private(set) var frames: [Int] = []

    var pageCount: Int { kinds.count }

    func pages(of kind: UInt8) -> [Int] {
        (0..<kinds.count).filter { kinds[$0] == kind && runHead[$0] == $0 }
    }

    /// Finds out what lies where. Call it after the bytes have changed.
    mutating func survey() {
        let count = data.count / PageFormat.size
        kinds = [UInt8](repeating: 0, count: count)
        runHead = Array(0..<count)
        var page = 0
        while page < count {
            let start = page * PageFormat.size
            let kind = data[start + 16]
            let end =
                kind == PageFormat.overflow
                ? start + 32 + data.u32(start + 20) : start + PageFormat.size
            guard kind != 0, end <= data.count, data.u32(start + 4) == page,
                UInt32(data.u32(start)) == data.checksum(start + 4..<end)
            else {
                page += 1
                continue
            }
            let next = (end + PageFormat.size - 1) / PageFormat.size
            for each in page..<next {
                kinds[each] = kind
                runHead[each] = page
            }
            page = next
        }
        frames = []
        guard let log else { return }
        for start in stride(from: 0, to: log.count, by: segmentSize) {
            let salt = log.u32(start + 56)
            var offset = start + LogFormat.headerSize
            while offset + LogFormat.frameSize <= start + segmentSize,
                log.u32(offset + 24) == salt, salt != 0
            {
                frames.append(offset)
                offset += LogFormat.size(payload: log.u32(offset + 4))
            }
        }
    }
}
