@_spi(Engine) import DatabaseTesting
import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A database in memory, file by file.
typealias HostileDatabase = DatabaseEngine<
    FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
>

/// Builds a database step by step and notes what each version holds.
///
/// The bytes depend on the seed alone: what the engine takes from the system's entropy, the
/// database's identifier and the salts of the log, is replaced by numbers of the builder's, sealed
/// anew. (That this can be done at all is what a forger relies on.)
struct HostileBuilder {
    let name: String
    let files = InMemoryFileSystem()
    var options: DatabaseOptions
    var random: SeededRandom
    private var database: HostileDatabase?
    private var states: [UInt64: HostileState] = [:]
    private var newest: UInt64?
    private var older: (data: [UInt8], log: [UInt8]?) = ([], nil)
    private var keys: [[UInt8]] = []
    /// The segments that there ever were: slot, sequence and salt.
    private var segments: [(slot: Int, sequence: UInt64, salt: UInt32)] = []

    init(_ name: String, seed: UInt64, logging: Bool = true, segmentSize: Int = 4096) throws {
        self.name = name
        random = SeededRandom(seed: seed)
        options = HostileBuilder.options
        options.usesLog = logging
        options.logSegmentSize = segmentSize
        try open()
    }

    /// Small budgets, no thread, and durability without a wait, as there is no disk.
    static var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.checkpointPolicy = .manual
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 64 << 10
        options.logSegmentSize = 4096
        options.loggedTransactionLimit = 32 << 10
        options.sizeLimit = 64 << 20
        return options
    }

    mutating func open() throws {
        database = try HostileDatabase.open("a.db", files: files, options: options)
        try note()
    }

    /// One step: transactions that all but the last leave the content as it is.
    mutating func step(_ body: (HostileDatabase, inout SeededRandom) throws -> Void) throws {
        guard let database else { throw Failure("the builder's database is closed") }
        try body(database, &random)
        try note()
    }

    mutating func write(
        _ body: (
            borrowing EngineTransaction<
                FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
            >,
            inout SeededRandom
        ) throws -> Void
    ) throws {
        try step { database, random in
            try database.write { transaction in try body(transaction, &random) }
        }
    }

    /// Keeps the files as they are now for the image's ``HostileImage/older``.
    mutating func keepOlder() throws { older = try bytes() }

    mutating func close() throws {
        try database?.close()
        database = nil
    }

    private func bytes() throws -> (data: [UInt8], log: [UInt8]?) {
        func read(_ path: String) throws -> [UInt8] {
            let file = try files.open(path, .readOnly)
            defer { file.close() }
            return try file.readAll()
        }
        return (try read("a.db"), try files.exists("a.db-wal") ? read("a.db-wal") : nil)
    }

    /// Notes what the newest version holds, for all versions since the last note.
    private mutating func note() throws {
        guard let database else { return }
        let snapshot = try database.snapshot()
        let state = try HostileState(snapshot)
        var transaction = newest.map { $0 + 1 } ?? 0
        while transaction <= snapshot.transaction {
            states[transaction] = state
            transaction += 1
        }
        newest = snapshot.transaction
        keys = []
        try snapshot.forEach { key, _ in
            if keys.count < 24 || key.count % 7 == 0, keys.count < 40 { keys.append(key.array) }
            return true
        }
        let log = try bytes().log ?? []
        for slot in 0..<log.count / options.logSegmentSize {
            let start = slot * options.logSegmentSize
            let sequence = log.u64(start + 32)
            guard sequence > 0, !segments.contains(where: { $0 == (slot, sequence, $0.salt) })
            else { continue }
            segments.append((slot, sequence, UInt32(log.u32(start + 56))))
        }
    }

    /// The database as the files are now: closed when ``close()`` was called, killed if not.
    mutating func image() throws -> HostileImage {
        var (data, log) = try bytes()
        var early = older.data.isEmpty ? (data: data, log: log) : older
        canonicalize(&data, &log)
        canonicalize(&early.data, &early.log)
        let final = newest ?? 0
        if database == nil, let last = states[final] {
            // What closing adds.
            for transaction in final...final + 2 { states[transaction] = last }
        }
        database = nil
        var image = HostileImage(
            name: name, data: data, log: log, segmentSize: options.logSegmentSize,
            options: options, states: states, transaction: final, older: early, keys: keys)
        image.survey()
        return image
    }

    // MARK: Making the bytes depend on the seed alone

    private func canonicalize(_ data: inout [UInt8], _ log: inout [UInt8]?) {
        let identity = [UInt8](name.utf8).checksum(0..<name.utf8.count)
        for slot in 0..<2 where data.count >= 8192 {
            let start = slot * PageFormat.size
            guard data.u64(start + 32) != 0 else { continue }
            setIdentity(identity, in: &data, at: start + 56)
            PageFormat.seal(slot, in: &data)
        }
        guard var bytes = log else { return }
        let size = options.logSegmentSize
        for slot in 0..<bytes.count / size {
            let start = slot * size
            // What earlier uses of the slot have left first, then what counts.
            for old in segments where old.slot == slot {
                for offset in stride(from: start + 64, to: start + size - 32, by: 8)
                where bytes.u32(offset + 24) == Int(old.salt) {
                    bytes.put(salt(old.sequence), at: offset + 24)
                    _ = LogFormat.seal(
                        frame: offset, at: old.sequence * UInt64(size) + UInt64(offset - start),
                        limit: start + size, in: &bytes)
                }
            }
            guard bytes.u64(start + 32) > 0 else { continue }
            setIdentity(identity, in: &bytes, at: start + 16)
            bytes.put(salt(bytes.u64(start + 32)), at: start + 56)
            bytes.put(bytes.checksum(start..<start + 60), at: start + 60)
        }
        log = bytes
    }

    private func setIdentity(_ identity: UInt32, in bytes: inout [UInt8], at offset: Int) {
        bytes.put(UInt64(identity) << 32 | 0x1234, at: offset)
        bytes.put(~UInt64(identity), at: offset + 8)
    }

    private func salt(_ sequence: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: sequence &* 0x9E37_79B9) | 1
    }
}

extension HostileState {
    /// What a version holds.
    init<Store: CheckpointedStorage, Log: CommitLog>(
        _ snapshot: EngineSnapshot<Store, Log>
    ) throws {
        try snapshot.forEach { key, value in
            main.append(HostileState.hash(key, value))
            return true
        }
        for name in try snapshot.tableNames() {
            var entries: [UInt64] = []
            try snapshot.forEach(table: name) { key, value in
                entries.append(HostileState.hash(key, value))
                return true
            }
            tables.append(entries)
        }
    }
}
