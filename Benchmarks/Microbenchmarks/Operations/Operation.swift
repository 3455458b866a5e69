import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import WAL

/// One step of the engine, with what it works on made ready.
public struct Operation {
    /// Its name.
    public let name: String
    /// Does it so many times.
    public let run: (Int) throws -> Void

    /// The names of all steps.
    public static let names =
        [
            "node-search", "tree-descent", "crc-page", "crc-frame", "frame-append", "cursor-step",
            "page-load", "node-insert",
        ] + databaseNames + tableNames

    /// Makes a step ready.
    ///
    /// - Parameters:
    ///   - name: one of `names`; nil for another.
    ///   - folder: an existing folder for its files.
    public static func make(_ name: String, folder: String) throws -> Operation? {
        switch name {
        // One leaf: the descent is a search in it and nothing else.
        case "node-search": try gets(name, entryCount: 24)
        case "tree-descent": try gets(name, entryCount: 100_000)
        case "crc-page": checksum(name, byteCount: 4096)
        case "crc-frame": checksum(name, byteCount: 128)
        case "frame-append": try appends(name, folder: folder)
        case "cursor-step": try steps(name)
        case "page-load": try loads(name, folder: folder)
        case "node-insert": try inserts(name)
        default:
            try makeOnDatabase(name, folder: folder)
                ?? makeOnTables(name, folder: folder)
        }
    }

    // MARK: What the steps work on

    /// The key of an entry: neighbours are far apart.
    static func key(_ number: Int) -> [UInt8] {
        var word = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        word ^= word >> 32
        let parts = [word, UInt64(number)]
        return parts.flatMap { part in
            (0..<8).map { UInt8(truncatingIfNeeded: part >> (56 - 8 * $0)) }
        }
    }

    /// The most that a store may grow to: valgrind has no room for the default.
    static let addressSpace = 1 << 30

    static let value = [UInt8](repeating: 0x76, count: 100)

    /// A tree in memory, published as version 1.
    private static func tree(
        _ entryCount: Int
    ) throws(StorageError) -> BPlusTree<InMemoryPageStore> {
        let store = try InMemoryPageStore(
            options: PageStoreOptions(sizeLimit: addressSpace))
        var tree = BPlusTree(store: store)
        try store.beginTransaction(1)
        for number in 0..<entryCount {
            try put(number, into: &tree)
        }
        try store.commitTransaction()
        try store.publish(1)
        return tree
    }

    private static func put(
        _ number: Int, into tree: inout BPlusTree<InMemoryPageStore>
    ) throws(StorageError) {
        try withByteView(of: key(number)) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                _ = try tree.put(key, value)
            }
        }
    }

    // MARK: The steps

    private static func gets(_ name: String, entryCount: Int) throws -> Operation {
        let tree = try tree(entryCount)
        // A prime step through as many keys as fit into the second cache.
        let keys = (0..<min(entryCount, 4096)).map { key($0 * 7919 % entryCount) }
        return Operation(name: name) { count in
            for index in 0..<count {
                try withByteView(of: keys[index % keys.count]) { key throws(StorageError) in
                    guard try tree.contains(key) else { throw missing }
                }
            }
        }
    }

    private static func checksum(_ name: String, byteCount: Int) -> Operation {
        let bytes = [UInt8](repeating: 0x5a, count: byteCount)
        return Operation(name: name) { count in
            var sum: UInt32 = 0
            withByteView(of: bytes) { view in
                for _ in 0..<count { sum = CRC32C.checksum(view, seed: sum) }
            }
            guard sum != 1 else { throw missing }
        }
    }

    private static func appends(_ name: String, folder: String) throws -> Operation {
        let log = try WriteAheadLog.open(
            files: POSIXFileSystem(), path: folder + "/frames.log",
            identity: LogIdentity(high: 1, low: 1)
        ) { _ in }
        let payload = [UInt8](repeating: 0x5a, count: 128)
        return Operation(name: name) { count in
            for index in 0..<count {
                try withByteView(of: payload) { payload throws(StorageError) in
                    _ = try log.append(payload, transaction: UInt64(index))
                }
                // Written and reused now and then, so that neither memory nor the file grow.
                if index & 0xfff == 0xfff {
                    try log.write(through: log.end)
                    try log.recycle(before: log.end)
                }
            }
        }
    }

    private static func steps(_ name: String) throws -> Operation {
        let tree = try tree(100_000)
        return Operation(name: name) { count in
            var cursor = tree.makeCursor()
            for _ in 0..<count where try !cursor.next() { _ = try cursor.first() }
        }
    }

    private static func loads(_ name: String, folder: String) throws -> Operation {
        let path = folder + "/pages.kvdb"
        var options = DatabaseOptions()
        options.durability = .written
        options.sizeLimit = addressSpace
        let filling = try FileDatabase.open(path, options: options)
        try filling.write { transaction in
            for number in 0..<100_000 { try transaction.put(key(number), value) }
        }
        try filling.close()
        // Hardly any cache, so that nearly every get reads its leaf and checks it.
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 16 << 10
        let database = try FileDatabase.open(path, options: options)
        let keys = (0..<4096).map { key($0 * 7919 % 100_000) }
        return Operation(name: name) { count in
            for index in 0..<count {
                guard try database.contains(keys[index & 4095]) else { throw missing }
            }
        }
    }

    private static func inserts(_ name: String) throws -> Operation {
        Operation(name: name) { count in
            _ = try tree(count)
        }
    }

    static var missing: StorageError {
        StorageError(.damaged, "A step did not find what was put.")
    }
}
