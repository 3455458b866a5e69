import BTree
@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO

/// Tree nodes and overflow runs: the input is the pages from 2 on; page 2 is the root.
struct NodeTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        guard input.count >= PageFormat.size else { return }
        var data = [UInt8](repeating: 0, count: 2 * PageFormat.size) + input
        data.removeLast(data.count % PageFormat.size)
        for page in 2..<data.count / PageFormat.size {
            data.put(UInt32(page), at: page * PageFormat.size + 4)
            data.put(UInt64(data[page * PageFormat.size + 8] & 3), at: page * PageFormat.size + 8)
        }
        sealPages(&data)
        try? use(data)
    }

    private func use(_ data: [UInt8]) throws {
        let files = FuzzFiles()
        // An empty store's superblock, changed to say that there is more.
        _ = try FilePageStore.create(
            on: try files.system.open("a.db", .create), record: CheckpointRecord(transaction: 3),
            check: NodeCheck.check)
        let slots = try files.read("a.db")
        var whole = slots + data[(2 * PageFormat.size)...]
        whole.put(UInt32(whole.count / PageFormat.size), at: 112)
        PageFormat.seal(0, in: &whole)
        try files.write(whole, to: "a.db")
        let store = try FilePageStore.open(
            on: try files.system.open("a.db", .readWrite),
            options: PageStoreOptions(sizeLimit: 16 << 20), check: NodeCheck.check)
        defer { store.close() }
        let height = whole[2 * PageFormat.size + 17] & 31 + 1
        let root = TreeRoot(page: 2, height: height, entryCount: 5)
        var tree = BPlusTree(store: store, root: root)
        _ = try? tree.checkInvariants()
        var keys: [[UInt8]] = [[], [255], Array("key 3 3".utf8)]
        try? tree.forEach { key, _ in
            keys.append(key.array)
            return keys.count < 100
        }
        try? tree.forEach(reverse: true) { _, _ in true }
        try store.beginTransaction(4)
        for (index, key) in keys.enumerated() {
            withByteView(of: key) { key in
                _ = try? tree.get(key)
                _ = try? tree.rank(key)
                _ = try? tree.entry(at: UInt64(index))
                if index % 3 == 0 { _ = try? tree.delete(key) } else { _ = try? tree.put(key, key) }
            }
        }
        withByteView(of: keys[keys.count / 2]) { key in
            _ = try? tree.deleteRange(from: key, to: nil)
        }
        _ = try? tree.relocate(above: 3)
        store.abortTransaction()
    }

    func seeds() throws -> [[UInt8]] {
        try [(3, 20), (60, 100), (8, 2000)].flatMap { entries, valueLength in
            let data = try FuzzFiles.database(entries: entries, valueLength: valueLength).read(
                "a.db")
            return (2..<data.count / PageFormat.size).filter {
                data[$0 * PageFormat.size + 16] != 0
            }
            .map { data.part($0 * PageFormat.size, 3 * PageFormat.size) }
        }
    }
}

/// Files that need not open: the input is the data file, beside a sound log.
struct SalvageTarget: FuzzTarget {
    private static let log = try? FuzzFiles.database(entries: 40, valueLength: 60).read("a.db-wal")

    func run(_ input: [UInt8]) {
        var data = input
        sealPages(&data)
        let files = FuzzFiles()
        guard var log = Self.log, data.count >= PageFormat.size else { return }
        // Of the same database.
        for start in stride(from: 0, to: log.count, by: 4096) {
            log.put(data.part(56, 16), at: start + 16)
        }
        LogFormat.seal(&log, segmentSize: 4096)
        guard (try? files.write(data, to: "a.db")) != nil,
            (try? files.write(log, to: "a.db-wal")) != nil
        else { return }
        files.salvage()
    }

    func seeds() throws -> [[UInt8]] { try StoreTarget().seeds() }
}

/// Superblocks, free lists and all else: the input is the data file.
struct StoreTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        var data = input
        sealPages(&data)
        let files = FuzzFiles()
        guard (try? files.write(data, to: "a.db")) != nil else { return }
        files.use()
    }

    func seeds() throws -> [[UInt8]] {
        try [(0, 0), (3, 20), (40, 60), (5, 2000)].map { entries, valueLength in
            let files = try FuzzFiles.database(entries: entries, valueLength: valueLength)
            let database = try FuzzDatabase.open(
                "a.db", files: files.system, options: FuzzFiles.options)
            try database.close()
            return try files.read("a.db")
        }
    }
}
