import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

typealias MemoryTree = BPlusTree<InMemoryPageStore>

/// Lends an array's bytes.
func lend<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
    try unsafe bytes.withUnsafeBytes { try body(unsafe ByteView($0)) }
}

/// Lends the bytes of an array that may be missing.
func lend<Result>(
    _ bytes: [UInt8]?, _ body: (ByteView?) throws -> Result
) rethrows -> Result {
    guard let bytes else { return try body(nil) }
    return try lend(bytes) { (view: ByteView) in try body(view) }
}

extension BPlusTree {
    func value(_ key: [UInt8]) throws -> [UInt8]? { try lend(key) { try get($0) } }

    @discardableResult
    mutating func put(_ key: [UInt8], _ value: [UInt8]) throws -> Bool {
        try lend(key) { key in try lend(value) { value in try put(key, value) } }
    }

    @discardableResult
    mutating func delete(_ key: [UInt8]) throws -> Bool { try lend(key) { try delete($0) } }

    @discardableResult
    mutating func deleteRange(_ from: [UInt8]?, _ to: [UInt8]?) throws -> UInt64 {
        try lend(from) { from in try lend(to) { to in try deleteRange(from: from, to: to) } }
    }

    func rank(_ key: [UInt8]) throws -> UInt64 { try lend(key) { try rank($0) } }

    func count(_ from: [UInt8]?, _ to: [UInt8]?) throws -> UInt64 {
        try lend(from) { from in try lend(to) { to in try count(from: from, to: to) } }
    }

    func entries(
        _ from: [UInt8]? = nil, _ to: [UInt8]? = nil, reverse: Bool = false
    ) throws -> [SortedArrayModel.Entry] {
        var entries: [SortedArrayModel.Entry] = []
        try lend(from) { from in
            try lend(to) { to in
                try forEach(from: from, to: to, reverse: reverse) {
                    (key, value) throws(StorageError) in
                    entries.append((key.array, value.array))
                    return true
                }
            }
        }
        return entries
    }
}

/// A tree in memory with the transactions that a database would run around it.
final class TreeHarness {
    let store: InMemoryPageStore
    var tree: MemoryTree
    private(set) var transaction: TransactionNumber = 0
    private var committedRoot = TreeRoot.empty

    init(pages: Int = 1 << 16) throws {
        store = try InMemoryPageStore(
            options: PageStoreOptions(sizeLimit: pages * PageLayout.pageSize))
        tree = BPlusTree(store: store)
    }

    func begin() throws {
        try store.beginTransaction(transaction + 1)
        committedRoot = tree.root
    }

    func commit() throws {
        try store.commitTransaction()
        transaction += 1
        try store.publish(transaction)
    }

    func abort() {
        store.abortTransaction()
        tree = BPlusTree(store: store, root: committedRoot)
    }

    /// Runs `body` in a transaction of its own.
    func write(_ body: (inout MemoryTree) throws -> Void) throws {
        try begin()
        try body(&tree)
        try commit()
    }

    /// Checks the tree, and that every page of the store is in it, free, or pending, once.
    @discardableResult
    func check(_ root: TreeRoot? = nil, accounting: Bool = true) throws -> TreeReport {
        var seen: Set<PageNumber> = []
        let report = try BPlusTree(store: store, root: root ?? tree.root).checkInvariants {
            (page, _, _, count) throws(StorageError) in
            for each in page..<page + PageNumber(count) {
                guard seen.insert(each).inserted else {
                    throw StorageError(.damaged, "A page is used twice.", page: each)
                }
            }
        }
        if accounting {
            let statistics = store.statistics
            #expect(
                statistics.pageCount
                    == 2 + report.pageCount + statistics.freePages + statistics.pendingPages,
                "pages leaked or freed while in use")
        }
        return report
    }

    /// Checks the tree's whole content against `model`, both ways.
    func expect(_ model: SortedArrayModel, _ comment: Comment? = nil) throws {
        #expect(tree.count == UInt64(model.count), comment)
        let entries = try tree.entries()
        #expect(entries.count == model.count, comment)
        #expect(
            zip(entries, model.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value },
            comment)
        let reversed = try tree.entries(reverse: true).reversed()
        #expect(reversed.count == model.count, comment)
        #expect(
            zip(reversed, model.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value },
            comment)
    }
}

/// A number as bytes that sort like it.
func key(_ number: Int, length: Int = 8) -> [UInt8] {
    (0..<length).map { place in
        let shift = 8 * (length - 1 - place)
        return shift < 64 ? UInt8(truncatingIfNeeded: number >> shift) : 0
    }
}
