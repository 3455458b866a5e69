@_spi(Engine) import DatabaseTesting
import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// The files whose bits are flipped: a killed database of which 256 pages and more are in use, its log
/// of several segments, and an export; and which of their bytes the format pages call unused.
struct BitFlipImage {
    static let shared = Result { try BitFlipImage() }
    static let chunk = PageFormat.size

    let image: HostileImage
    let export: [UInt8]
    /// Pages of the data file that the free list lists, by number.
    private(set) var isFree: [Bool]
    /// The parts of the log that a recovery reads: headers of segments, and frames.
    private(set) var liveLog: [Range<Int>] = []
    /// The last batch: what lies here has no proof of having been durable behind it.
    private(set) var unprovenLog: [Range<Int>] = []

    /// How many cases it takes to flip one bit of every byte.
    var caseCount: Int { dataChunks + logChunks + (export.count + Self.chunk - 1) / Self.chunk }
    var dataChunks: Int { image.data.count / Self.chunk }
    var logChunks: Int { (image.log ?? []).count / Self.chunk }

    init() throws {
        var builder = try HostileBuilder("bit flips", seed: 99)
        try builder.write { transaction, random in
            for number in 0..<4200 {
                try transaction.put(HostilePool.key(number, 24), random.bytes(180))
            }
            for number in 0..<30 {
                try transaction.put(HostilePool.key(number, 60), random.bytes(1030 + 171 * number))
            }
            for number in 0..<40 {
                try transaction.put("key \(number)", random.bytes(90), table: "table \(number % 3)")
            }
        }
        // Free pages, and a log that has been recycled.
        for _ in 0..<3 {
            for _ in 0..<4 {
                try builder.write { transaction, random in
                    for _ in 0..<12 {
                        let key = HostilePool.key(random.below(700), 24)
                        try transaction.put(key, random.bytes(200))
                        try transaction.delete(HostilePool.key(random.below(700), 24))
                    }
                }
            }
            try builder.step { database, _ in try database.checkpoint() }
        }
        for _ in 0..<6 {
            try builder.write { transaction, random in
                for _ in 0..<9 {
                    let key = HostilePool.key(random.below(700), 24)
                    try transaction.put(key, random.bytes(300))
                }
            }
        }
        image = try builder.image()
        isFree = [Bool](repeating: false, count: image.pageCount)
        export = try BitFlipImage.smallExport()
        try survey()
        let used = isFree.count { !$0 }
        guard used >= 256 else { throw Failure("only \(used) pages are in use") }
    }

    /// Tables, entries, and a value of several blocks.
    private static func smallExport() throws -> [UInt8] {
        let database = try InMemoryDatabase.openInMemory()
        var random = SeededRandom(seed: 5)
        try database.write { transaction in
            for number in 0..<50 {
                try transaction.put("key \(number)", random.bytes(40), table: "t\(number % 3)")
                try transaction.put("key \(number)", random.bytes(30))
            }
            try transaction.put("long", random.bytes(70_000), table: "t1")
        }
        var bytes: [UInt8] = []
        try database.export { view in withByteView(of: view) { bytes += $0.array } }
        return bytes
    }

    /// The files, to be flipped in.
    static func lay(_ image: HostileImage) throws -> InMemoryFileSystem {
        let files = InMemoryFileSystem()
        for (name, bytes) in [("a.db", image.data), ("a.db-wal", image.log ?? [])] {
            let file = try files.open(name, .create)
            defer { file.close() }
            try file.writeBytes(bytes)
        }
        return files
    }

    static func openStore(
        _ files: InMemoryFileSystem
    ) throws -> FilePageStore<InMemoryFile> {
        try FilePageStore.open(
            on: try files.open("a.db", .readOnly),
            options: PageStoreOptions(sizeLimit: 64 << 20, readOnly: true),
            check: NodeCheck.check)
    }

    private mutating func survey() throws {
        let files = try BitFlipImage.lay(image)
        let store = try BitFlipImage.openStore(files)
        var free: [Range<Int>] = []
        store.forEachFreeRun { free.append(Int($0)..<Int($0) + $1) }
        for run in free { for page in run { isFree[page] = true } }
        // Beyond the page count nothing means anything.
        for page in min(store.pageCount, image.pageCount)..<image.pageCount { isFree[page] = true }
        let position = store.checkpoint.logPosition
        let reader = try LogReader(files: files, path: "a.db-wal")
        var frames: [(range: Range<Int>, start: UInt64)] = []
        var proven: UInt64 = 0
        try reader.forEachFrame(from: position) { frame in
            let start = Int(frame.fileOffset)
            frames.append((start..<start + Int(frame.end - frame.start), frame.start))
            proven = max(proven, frame.syncedThrough)
        }
        for segment in reader.segments where segment.state == .linked {
            let start = Int(segment.fileOffset)
            let sequence = segment.sequence + 1
            guard sequence * UInt64(image.segmentSize) > position else { continue }
            let header = start..<start + LogFormat.headerSize
            liveLog.append(header)
            proven = max(proven, segment.syncedThrough)
            if segment.previousEnd >= proven { unprovenLog.append(header) }
        }
        liveLog += frames.map(\.range)
        unprovenLog = unprovenLog.filter { header in
            image.log?.u64(header.lowerBound + 40) ?? 0 >= proven
        }
        unprovenLog += frames.filter { $0.start >= proven }.map(\.range)
    }

    /// Whether Docs/FileFormat.md says that the byte means nothing: free pages, what lies beyond the
    /// page count, and what lies behind an overflow run's data in its last page.
    func isUnused(dataByte offset: Int) -> Bool {
        let page = offset / PageFormat.size
        if isFree[page] { return true }
        guard page >= 2, image.kinds[page] == PageFormat.overflow else { return false }
        let head = image.runHead[page] * PageFormat.size
        return offset >= head + 32 + image.data.u32(head + 20)
    }

    /// Whether Docs/LogFormat.md says so: segments and frames that a recovery does not come by, and
    /// what lies behind the last frame of a segment.
    func isUnused(logByte offset: Int) -> Bool { !liveLog.contains { $0.contains(offset) } }

    /// Whether damage here can't be told from a torn tail.
    func isUnproven(logByte offset: Int) -> Bool { unprovenLog.contains { $0.contains(offset) } }
}
