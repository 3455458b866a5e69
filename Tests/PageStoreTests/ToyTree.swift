import PageStore
import StorageIO
import StorageIOTesting

/// The smallest tree there is: one root page that lists some leaves and some overflow runs, each
/// with a tag that its content repeats. Enough to tell, from a root alone, whether all that a
/// version consists of is still there.
struct ToyTree {
    struct Entry: Equatable {
        var page: PageNumber
        var byteCount: UInt32  // of an overflow value; 0 for a leaf
        var tag: UInt64
    }

    static let rootMagic: UInt32 = 0x544F_4F52
    static let leafMagic: UInt32 = 0x4641_454C

    let store: any CheckpointedStorage
    var root: PageNumber = 0
    var entries: [Entry] = []
    var transaction: TransactionNumber = 0

    init(_ store: any CheckpointedStorage) {
        self.store = store
        transaction = store.checkpoint.transaction
        root = store.checkpoint.catalogRoot
    }

    /// The tree as it was before the running transaction, which was aborted; entries are missing.
    init(_ tree: ToyTree, at transaction: TransactionNumber) {
        self = tree
        self.transaction = transaction
    }

    /// The structure check for the page store.
    static let check: PageCheck = { page in
        switch page.u32(32) {
        case rootMagic: page.u32(36) <= 250 ? nil : "too many entries"
        case leafMagic: page.u64(40) == page.u64(4088) ? nil : "the tags differ"
        default: "no toy page"
        }
    }

    var record: CheckpointRecord {
        CheckpointRecord(
            transaction: transaction, catalogRoot: root, catalogHeight: 1,
            catalogCount: UInt64(entries.count), logPosition: transaction * 10, usesLog: true)
    }

    /// The content that an overflow value with this tag has.
    static func bytes(_ tag: UInt64, _ count: Int) -> [UInt8] {
        var words = [UInt64](repeating: tag, count: (count + 7) / 8)
        for index in stride(from: 0, to: words.count, by: 64) { words[index] &+= UInt64(index) }
        return unsafe words.withUnsafeBytes { unsafe [UInt8]($0.prefix(count)) }
    }

    // MARK: Writing

    mutating func begin() throws(StorageError) {
        try store.beginTransaction(transaction + 1)
        transaction += 1
    }

    mutating func commit(publish: Bool = true) throws(StorageError) {
        try writeRoot()
        try store.commitTransaction()
        if publish { try store.publish(transaction) }
    }

    /// Runs one transaction that sets `count` random entries of `slots`.
    mutating func change(
        _ random: inout SeededRandom, count: Int, slots: Int = 60, overflow: Bool = true
    ) throws(StorageError) {
        try begin()
        for _ in 0..<count { try set(&random, slots: slots, overflow: overflow) }
        try commit()
    }

    mutating func set(
        _ random: inout SeededRandom, slots: Int, overflow: Bool
    ) throws(StorageError) {
        let slot = random.below(slots)
        if slot < entries.count, random.oneIn(3) {
            try retire(entries[slot])
            entries.remove(at: slot)
            return
        }
        let isOverflow = overflow && random.oneIn(4)
        let entry = try make(
            tag: random.next(), byteCount: isOverflow ? random.number(in: 1...30_000) : 0)
        if slot < entries.count {
            try retire(entries[slot])
            entries[slot] = entry
        } else {
            entries.append(entry)
        }
    }

    func make(tag: UInt64, byteCount: Int = 0) throws(StorageError) -> Entry {
        if byteCount > 0 {
            let value = Self.bytes(tag, byteCount)
            return Entry(
                page: try lend(value) { view throws(StorageError) in
                    try store.allocateOverflow(view)
                }, byteCount: UInt32(byteCount), tag: tag)
        }
        let page = try store.allocate()
        let bytes = store.window.address(page)
        bytes.writeHeader(number: page, birth: store.transaction, kind: .leaf)
        bytes.zero(32, count: 4064)
        bytes.store(Self.leafMagic, at: 32)
        bytes.store(tag, at: 40)
        bytes.store(tag, at: 4088)
        return Entry(page: page, byteCount: 0, tag: tag)
    }

    func retire(_ entry: Entry) throws(StorageError) {
        let token = store.beginRead()
        defer { store.endRead(token) }
        if entry.byteCount > 0 {
            try store.retireOverflow(entry.page, byteCount: Int(entry.byteCount))
        } else {
            try store.retire(entry.page, birth: try store.page(entry.page).birth)
        }
    }

    private mutating func writeRoot() throws(StorageError) {
        let token = store.beginRead()
        defer { store.endRead(token) }
        if root != 0 { try store.retire(root, birth: try store.page(root).birth) }
        root = try store.allocate()
        let bytes = store.window.address(root)
        bytes.writeHeader(number: root, birth: store.transaction, kind: .inner, level: 1)
        bytes.zero(32, count: 4064)
        bytes.store(Self.rootMagic, at: 32)
        bytes.store(UInt32(entries.count), at: 36)
        for (index, entry) in entries.enumerated() {
            bytes.store(entry.page, at: 40 + index * 16)
            bytes.store(entry.byteCount, at: 44 + index * 16)
            bytes.store(entry.tag, at: 48 + index * 16)
        }
    }

    func checkpoint() throws(StorageError) {
        try store.beginCheckpoint(record)
        try store.finishCheckpoint()
    }

    // MARK: Reading

    /// What the root page lists.
    static func entries(
        _ store: any CheckpointedStorage, root: PageNumber
    ) throws(StorageError) -> [Entry] {
        if root == 0 { return [] }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let bytes = try store.page(root)
        return (0..<Int(bytes.u32(36))).map {
            Entry(
                page: bytes.u32(40 + $0 * 16), byteCount: bytes.u32(44 + $0 * 16),
                tag: bytes.u64(48 + $0 * 16))
        }
    }

    /// Reads all that the root leads to, each in a read of its own; overflow runs beside the cache too.
    ///
    /// - Returns: what is wrong, or nil.
    static func problem(
        _ store: any CheckpointedStorage, root: PageNumber
    ) throws(StorageError) -> String? {
        var buffer: PageBuffer?
        for entry in try entries(store, root: root) {
            let token = store.beginRead()
            defer { store.endRead(token) }
            if entry.byteCount > 0 {
                let byteCount = Int(entry.byteCount)
                let expected = bytes(entry.tag, byteCount)
                let passing = try store.overflow(
                    entry.page, byteCount: byteCount, beside: &buffer)
                guard passing.array == expected,
                    try store.overflow(entry.page, byteCount: byteCount).array == expected
                else { return "overflow run \(entry.page) holds something else" }
            } else {
                let page = try store.page(entry.page)
                guard page.number == entry.page, page.u64(40) == entry.tag,
                    page.u64(4088) == entry.tag
                else { return "page \(entry.page) holds something else" }
            }
        }
        return nil
    }

    /// A page that two entries lead to.
    struct UsedTwice: Error {
        var page: Int
    }

    /// All pages that the root leads to, itself included.
    static func pages(_ store: any CheckpointedStorage, root: PageNumber) throws -> Set<Int> {
        if root == 0 { return [] }
        var pages: Set = [Int(root)]
        for entry in try entries(store, root: root) {
            let count = entry.byteCount == 0 ? 1 : (Int(entry.byteCount) + 32 + 4095) / 4096
            for page in Int(entry.page)..<Int(entry.page) + count {
                guard pages.insert(page).inserted else { throw UsedTwice(page: page) }
            }
        }
        return pages
    }
}

/// Lends an array as a view for the length of `body`.
func lend<Result>(
    _ bytes: [UInt8], _ body: (ByteView) throws(StorageError) -> Result
) throws(StorageError) -> Result {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
    defer { unsafe buffer.deallocate() }
    unsafe buffer.copyBytes(from: bytes)
    return try unsafe body(ByteView(UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count])))
}

/// Small stores, so that address space and caches are full soon.
let smallOptions = PageStoreOptions(
    cacheBudget: 64 << 12, dirtyBudget: 64 << 12, sizeLimit: 64 << 20)

/// A store in each implementation.
enum StoreKind: CaseIterable {
    case file, memory

    func make(_ options: PageStoreOptions = smallOptions) throws -> any CheckpointedStorage {
        switch self {
        case .memory:
            return try InMemoryPageStore(options: options)
        case .file:
            let file = try InMemoryFileSystem().open("store", .create)
            return try FilePageStore.create(on: file, options: options, check: ToyTree.check)
        }
    }
}

/// Runs `body` and returns the storage error that it throws.
func storageError(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StorageError
    }
}
