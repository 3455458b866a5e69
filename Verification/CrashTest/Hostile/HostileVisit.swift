@_spi(Engine) import DatabaseTesting
import BTree
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// Uses a database that may be damaged in every way there is, and holds it to what must be true:
///
/// - Errors are typed, and say that the file is wrong, not that the caller is.
/// - Where the damage did not touch a checksum, what is read is right: the content of the version
///   that the database says it is at, as far as no error ends the reading.
/// - What `verify` calls sound can be read forward, backward and by key with one result, and
///   written; and is sound afterwards.
/// - What `verifyFile` calls sound can be opened and is sound then; and where there is no record of a
///   log to replay, the other way round.
/// - A salvage ends with a sound database or an error, leaves nothing behind with an error, and has
///   changed nothing; of files in which `verifyFile` finds nothing, all comes back for certain.
struct HostileVisit<Files: FileSystem> {
    typealias Engine = DatabaseEngine<FilePageStore<Files.Handle>, WriteAheadLog<Files>>

    let files: Files
    let path: String
    let file: HostileFile
    var random: SeededRandom
    /// What may be read; nil when anything may.
    private var right: [HostileState]?
    private var isOpenedBefore = false
    /// What the last verification of an open database found first.
    private var firstFinding = "nothing"
    /// How many opens, and how many of them failed.
    private(set) var opens = 0
    private(set) var refusals = 0
    private(set) var soundOnes = 0
    /// How many salvages came to a database.
    private(set) var salvages = 0
    private var appended: UInt8 = 0

    init(_ files: Files, path: String, file: HostileFile, seed: UInt64) {
        self.files = files
        self.path = path
        self.file = file
        random = SeededRandom(seed: seed)
    }

    mutating func run() throws {
        inspect()
        let found = try salvage()
        var isSound: Bool?
        if let database = try open(readOnly: true, mustSucceed: found?.isSound == true) {
            let verdict = try look(at: database)
            try attempt("close", verdict) { try database.close() }
            isSound = verdict
        }
        try compare(found, isSound)
        if isSound == true { soundOnes += 1 }
        // A log that was changed may prove at any time that it was durable further on than it goes: that is
        // what a frame without a segment means, once the log has come near its number.
        if file.log != file.image.log { isSound = nil }
        if let database = try open(mustSucceed: isSound == true) {
            let isStillSound = random.oneIn(2) ? try look(at: database) : isSound
            if isSound == true, isStillSound == false {
                throw Failure("sound when opened for reading, not when for writing")
            }
            try write(to: database, isSound == true && isStillSound == true)
        }
        if let database = try open(mustSucceed: isSound == true) {
            if try !look(at: database), isSound == true {
                throw Failure("sound before it was written to, not after")
            }
            try attempt("close", isSound) { try database.close() }
        }
    }

    // MARK: Errors

    /// What an error may say about a file.
    private static var fitting: [StorageError.Code] {
        [
            .damaged, .truncated, .notADatabase, .emptyFile, .unsupportedFormat, .fileTooLarge,
            .valueTooLong, .poisoned,
        ]
    }

    private func accept(_ error: any Error, _ what: String, listed: Bool = false) throws {
        guard let error = error as? StorageError else { throw error }
        // A tree of tables out of order may list a name that it does not find.
        if listed, error.code == .tableNotFound { return }
        guard Self.fitting.contains(error.code) else {
            throw Failure("\(what) blames the caller: \(error)")
        }
    }

    /// Runs `body`, which may only fail when the database is not sound.
    @discardableResult
    private func attempt<Result>(
        _ what: String, _ isSound: Bool?, listed: Bool = false, _ body: () throws -> Result
    ) throws -> Result? {
        do { return try body() } catch {
            try accept(error, what, listed: listed)
            // Numbers near their end are legal; that nothing can follow them is no damage.
            if isSound == true, (error as? StorageError)?.code != .fileTooLarge {
                throw Failure("verify finds nothing, yet \(what) fails: \(error)")
            }
            return nil
        }
    }

    // MARK: The log alone

    /// What `kvtools` shows of a log, without opening the database.
    private func inspect() {
        guard let reader = try? LogReader(files: files, path: path + "-wal") else { return }
        _ = try? reader.forEachFrame { _ in }
        reader.close()
    }

    // MARK: Salvage

    /// Opening and verification of the files agree.
    private func compare(_ found: VerificationReport?, _ isSound: Bool?) throws {
        guard let found else { return }
        if found.isSound, isSound == false {
            throw Failure("sound as files, but not when they are opened: \(firstFinding)")
        }
        // Operations of the log may drop what is damaged.
        if !found.isSound, isSound == true, found.logRecords == 0 {
            throw Failure("sound when opened, but not as files: \(found.findings[0].error)")
        }
    }

    /// What `kvtools verify` and `kvtools salvage` do with files that need not open.
    ///
    /// - Returns: what the verification found.
    private mutating func salvage() throws -> VerificationReport? {
        let target = path + ".salvaged"
        let names = [target, target + "-wal", target + "-new"]
        for name in names where try files.exists(name) { try files.remove(name) }
        var options = SalvageOptions()
        options.cacheBudget = 1 << 20
        options.sizeLimit = file.image.options.sizeLimit
        let verified = try attempt("verifyFile", true) {
            try Engine.verifyFile(path, files: files)
        }
        let isSound =
            verified?.isSound == true && verified?.isSpareSuperblockDamaged == false
            && verified?.isLogCut == false
        let report = try attempt("salvage", isSound) {
            try Engine.salvage(from: path, to: target, files: files, options: options)
        }
        guard try bytes(path) == file.data, try bytes(path + "-wal") == file.log else {
            throw Failure("salvage changed what it reads")
        }
        guard let report else {
            for name in names where try files.exists(name) {
                throw Failure("a salvage that failed left \(name)")
            }
            return verified
        }
        salvages += 1
        if isSound, !report.isComplete {
            throw Failure("verifyFile finds nothing, yet salvage loses \(report.losses)")
        }
        // It was verified by the salvage itself.
        var reading = file.image.options
        reading.cacheBudget = options.cacheBudget
        reading.access = .readOnly
        let database = try Engine.open(target, files: files, options: reading)
        var count: UInt64 = 0
        let snapshot = try database.snapshot()
        for name in [""] + (try snapshot.tableNames()) {
            try snapshot.forEach(table: name) { _, _ in
                count += 1
                return true
            }
        }
        guard count == report.entryCount else {
            throw Failure("\(count) entries are there of \(report.entryCount) salvaged ones")
        }
        try database.close()
        for name in names where try files.exists(name) { try files.remove(name) }
        return verified
    }

    private func bytes(_ path: String) throws -> [UInt8]? {
        guard try files.exists(path) else { return nil }
        let file = try files.open(path, .readOnly)
        defer { file.close() }
        return try file.readAll()
    }

    // MARK: Opening

    private mutating func open(
        readOnly: Bool = false, mustSucceed: Bool = false
    ) throws -> Engine? {
        var options = file.image.options
        if readOnly { options.access = .readOnly }
        opens += 1
        do {
            let database = try Engine.open(path, files: files, options: options)
            try fixContent(database)
            return database
        } catch {
            try accept(error, "open")
            if mustSucceed, (error as? StorageError)?.code != .fileTooLarge {
                throw Failure("verify found nothing, yet open fails: \(error)")
            }
            refusals += 1
            return nil
        }
    }

    /// What is right is told by the transaction that the database says it is at when first opened.
    private mutating func fixContent(_ database: Engine) throws {
        guard case .damaged = file.kind, !isOpenedBefore else { return }
        isOpenedBefore = true
        let transaction = try database.statistics().lastTransaction
        guard let state = file.image.states[transaction] else {
            throw Failure("open comes out at transaction \(transaction), which never was")
        }
        right = [state]
    }

    // MARK: Reading

    /// Reads everything in every way.
    ///
    /// - Returns: whether `verify` found nothing.
    private mutating func look(at database: Engine) throws -> Bool {
        let report = try attempt("verify", true) { try database.verify() }
        let isSound = report?.isSound == true
        firstFinding = report?.findings.first.map { "\($0.error)" } ?? "no report"
        guard let snapshot = try attempt("snapshot", true, { try database.snapshot() }) else {
            return isSound
        }
        let forward = try scan(snapshot, isSound, reverse: false)
        let backward = try scan(snapshot, isSound, reverse: true)
        if isSound {
            guard forward.main.count == Int(snapshot.count),
                forward.main == backward.main.reversed(),
                forward.tables == backward.tables.map({ $0.reversed() })
            else { throw Failure("verify finds nothing, yet scans and count differ") }
        }
        try readKeys(snapshot, isSound)
        try attempt("composition", isSound) { try snapshot.composition() }
        try attempt("statistics", isSound) { try database.statistics() }
        try attempt("export", isSound) { try snapshot.export { _ in } }
        return isSound
    }

    private func scan(
        _ snapshot: EngineSnapshot<FilePageStore<Files.Handle>, WriteAheadLog<Files>>,
        _ isSound: Bool,
        reverse: Bool
    ) throws -> HostileState {
        var state = HostileState()
        let isWhole: Bool? = try attempt(reverse ? "scan backward" : "scan", isSound) {
            try snapshot.forEach(reverse: reverse) { key, value in
                state.main.append(HostileState.hash(key, value))
                return true
            }
            return true
        }
        try compare(state.main, isWhole == true, reverse: reverse) { $0.main }
        guard let names = try attempt("table names", isSound, { try snapshot.tableNames() }) else {
            return state
        }
        if let right, !right.contains(where: { $0.tables.count == names.count }) {
            throw Failure("there are \(names.count) tables instead of \(right[0].tables.count)")
        }
        for (index, name) in names.enumerated() {
            var entries: [UInt64] = []
            let isWhole: Bool? = try attempt("scan of a table", isSound, listed: true) {
                try snapshot.forEach(table: name, reverse: reverse) { key, value in
                    entries.append(HostileState.hash(key, value))
                    return true
                }
                return true
            }
            try compare(entries, isWhole == true, reverse: reverse) {
                index < $0.tables.count ? $0.tables[index] : []
            }
            state.tables.append(entries)
        }
        return state
    }

    private func compare(
        _ entries: [UInt64], _ isWhole: Bool, reverse: Bool, _ part: (HostileState) -> [UInt64]
    ) throws {
        guard let right else { return }
        let isRight = right.contains { state in
            let expected = reverse ? part(state).reversed() : part(state)
            return isWhole ? entries == expected : expected.starts(with: entries)
        }
        guard isRight else {
            throw Failure(
                "\(entries.count) entries were read (to the end: \(isWhole), reverse: \(reverse)), "
                    + "which are not those of the version")
        }
    }

    private mutating func readKeys(
        _ snapshot: EngineSnapshot<FilePageStore<Files.Handle>, WriteAheadLog<Files>>,
        _ isSound: Bool
    ) throws {
        for _ in 0..<6 where !file.image.keys.isEmpty {
            let key = file.image.keys[random.below(file.image.keys.count)]
            if let value = try attempt("get", isSound, { try snapshot.get(key) }), let value,
                let right
            {
                let hash = withByteView(of: key) { key in
                    withByteView(of: value) { HostileState.hash(key, $0) }
                }
                guard right.contains(where: { $0.main.contains(hash) }) else {
                    throw Failure("get gives a value that was never there")
                }
            }
            try attempt("rank", isSound) { try snapshot.rank(key) }
            try attempt("count", isSound) { try snapshot.count(in: .from(key)) }
        }
        let count = snapshot.count
        for index in [0, count / 2, count &- 1, count, UInt64(random.below(1 << 20))] {
            try attempt("entry(at:)", isSound) { try snapshot.entry(at: index) }
        }
    }

    // MARK: Writing

    private mutating func write(to database: Engine, _ isSound: Bool) throws {
        for _ in 0...random.below(3) { try change(database, isSound) }
        if random.oneIn(2) { try attempt("checkpoint", isSound) { try database.checkpoint() } }
        if case .forged = file.kind, random.oneIn(3) {
            let from = file.image.keys.randomElement(using: &random) ?? []
            let range = random.oneIn(2) ? KeyRange.all : .from(from)
            try attempt("delete range", isSound) { try database.deleteRange(range) }
            right = nil
        }
        if random.oneIn(2) { try attempt("compact", isSound) { try database.compact() } }
        if random.oneIn(2) { try change(database, isSound) }
        if let report = try attempt("verify", true, { try database.verify() }), isSound,
            !report.isSound
        {
            throw Failure("sound before it was written to, not after: \(report.findings[0].error)")
        }
        try attempt("close", isSound) { try database.close() }
    }

    /// A transaction that leaves the content as it is but for an entry at the end.
    private mutating func change(_ database: Engine, _ isSound: Bool) throws {
        let keys = (0...random.below(3)).compactMap { _ in
            file.image.keys.randomElement(using: &random)
        }
        appended += 1
        let newKey: [UInt8] = [0xFF, 0xFF, appended]
        let newValue = random.bytes(random.oneIn(4) ? 5000 : 20)
        let table = random.oneIn(4) ? "zz\(appended)" : ""
        let done: Bool? = try attempt("write", isSound) {
            try database.write { transaction in
                for key in keys {
                    guard let value = try transaction.get(key) else { continue }
                    if value.count & 1 == 0 { try transaction.delete(key) }
                    try transaction.put(key, value)
                }
                try transaction.put(newKey, newValue, table: table)
            }
            return true
        }
        guard let right else { return }
        let hash = withByteView(of: newKey) { key in
            withByteView(of: newValue) { HostileState.hash(key, $0) }
        }
        let changed = right.map { state in
            var state = state
            if table.isEmpty { state.main.append(hash) } else { state.tables.append([hash]) }
            return state
        }
        // A failed commit may have happened or not.
        self.right = done == true ? changed : right + changed
    }
}
