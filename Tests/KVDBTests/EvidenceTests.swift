import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@testable import KVDB

/// What opening, verification and salvage believe of a file that is wrong in one place although every
/// checksum is right: a write that was lost, a field that was forged, a log that was cut.
@Suite struct EvidenceTests {
    let files = CrashingFileSystem()
    var options: DatabaseOptions {
        var options = DatabaseOptions.manual
        options.logSegmentSize = 4096
        return options
    }

    // MARK: Files by hand

    func bytes(_ path: String) throws -> [UInt8] {
        let file = try files.open(path, .readOnly)
        defer { file.close() }
        return try file.readAll()
    }

    func write(_ bytes: [UInt8], _ path: String = "test.db") throws {
        let file = try files.open(path, .create)
        defer { file.close() }
        try file.truncate(to: 0)
        try file.writeBytes(bytes)
    }

    func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
        (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    func put(_ value: UInt64, _ size: Int, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<size {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
    }

    func seal(_ page: Int, in bytes: inout [UInt8]) {
        let start = page * PageLayout.pageSize
        let covered = Array(bytes[start + 4..<start + PageLayout.pageSize])
        put(UInt64(covered.withByteView { CRC32C.checksum($0) }), 4, at: start, in: &bytes)
    }

    func newestSlot(_ bytes: [UInt8]) -> Int {
        number(bytes, 72, 8) > number(bytes, PageLayout.pageSize + 72, 8) ? 0 : 1
    }

    func copy(_ pages: [Int], of source: [UInt8], to bytes: inout [UInt8]) {
        for page in pages {
            let range = page * PageLayout.pageSize..<(page + 1) * PageLayout.pageSize
            bytes.replaceSubrange(range, with: source[range])
        }
    }

    // MARK: What is asked

    func content(_ path: String) throws -> [[UInt8]: [UInt8]] {
        let database = try SimulatedDatabase.open(path, files: files, options: options)
        defer { try? database.close() }
        var content: [[UInt8]: [UInt8]] = [:]
        let snapshot = try database.snapshot()
        for table in [""] + (try snapshot.tableNames()) {
            try snapshot.forEach(table: table) { key, value throws(StorageError) in
                content[Array(table.utf8) + [0] + key.array] = value.array
                return true
            }
        }
        return content
    }

    func salvage(includesUncertain: Bool = true) throws -> SalvageReport {
        var options = SalvageOptions()
        options.maximumFileSize = 64 << 20
        options.includesUncertain = includesUncertain
        return try SimulatedDatabase.salvage(
            from: "test.db", to: "out.db", files: files, options: options)
    }

    func verify() throws -> VerificationReport {
        try SimulatedDatabase.verifyFile("test.db", files: files)
    }

    func opens(readOnly: Bool = true) -> StorageError? {
        var options = options
        options.readOnly = readOnly
        do {
            let database = try SimulatedDatabase.open("test.db", files: files, options: options)
            try database.close()
            return nil
        } catch {
            return error
        }
    }

    /// Rounds of changes, a checkpoint after each, then a close.
    ///
    /// - Returns: the data file after each checkpoint, and last after the close.
    func build(rounds: Int, table: String = "") throws -> [[UInt8]] {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        var images: [[UInt8]] = []
        for round in 0..<rounds {
            try database.write { transaction in
                for number in stride(from: round, to: 3000, by: 1 + 3 * round) {
                    try transaction.put(numberKey(number), "value \(number) of \(round)")
                    if !table.isEmpty, number % 2 == 0 {
                        try transaction.put(numberKey(number), "\(round)", table: table)
                    }
                }
                for number in 0..<400 * round {
                    try transaction.put("more/\(round)/\(number)", "\(number)")
                }
                if round > 0 {
                    let from = 300 * round
                    try transaction.deleteRange(
                        .range(from: numberKey(from), to: numberKey(from + 150)))
                }
            }
            try database.checkpoint()
            images.append(try bytes("test.db"))
        }
        try database.close()
        images.append(try bytes("test.db"))
        return images
    }

    // MARK: Free lists

    /// Where the list of the newest superblock begins, and what else lies there that is whole.
    func list(_ bytes: [UInt8]) -> Int {
        Int(number(bytes, newestSlot(bytes) * PageLayout.pageSize + 116, 4))
    }

    @Test func aListOfAnotherCheckpointIsNoEvidence() throws {
        var bytes = try #require(try build(rounds: 4).last)
        let before = try content("test.db")
        bytes = try self.bytes("test.db")
        let page = list(bytes)
        try #require(page > 1)
        // As many pages as before, but one of them is a leaf in use.
        let base = page * PageLayout.pageSize
        var runs: [(UInt64, UInt64)] = []
        for entry in 0..<Int(number(bytes, base + 24, 4)) {
            runs.append(
                (number(bytes, base + 32 + 8 * entry, 4), number(bytes, base + 36 + 8 * entry, 4)))
        }
        let isApart = { (page: UInt64) in
            runs.allSatisfy { run in page + 1 < run.0 || page > run.0 + run.1 }
        }
        let pages: Range<UInt64> = 2..<UInt64(bytes.count / PageLayout.pageSize)
        let found = pages.first { page in
            bytes[Int(page) * PageLayout.pageSize + 16] == 1 && isApart(page)
        }
        let leaf = try #require(found)
        if runs[0].1 == 1 { runs.remove(at: 0) } else { runs[0] = (runs[0].0 + 1, runs[0].1 - 1) }
        runs.append((leaf, 1))
        runs.sort { $0.0 < $1.0 }
        for (entry, run) in runs.enumerated() {
            put(run.0, 4, at: base + 32 + 8 * entry, in: &bytes)
            put(run.1, 4, at: base + 36 + 8 * entry, in: &bytes)
        }
        put(UInt64(runs.count), 4, at: base + 24, in: &bytes)
        put(number(bytes, base + 8, 8) - 1, 8, at: base + 8, in: &bytes)
        seal(page, in: &bytes)
        try write(bytes)
        for readOnly in [false, true] { #expect(opens(readOnly: readOnly)?.code == .damaged) }
        let report = try verify()
        #expect(report.findings.map(\.kind) == [.freeList], "\(report.findings)")
        #expect(report.entryCount == UInt64(before.count))
        let salvaged = try salvage(includesUncertain: false)
        #expect(salvaged.isComplete, "\(salvaged.losses)")
        #expect(try content("out.db") == before)
    }

    @Test func everyCheckpointWritesItsListAnew() throws {
        let images = try build(rounds: 4)
        for bytes in images where list(bytes) > 0 {
            let slot = newestSlot(bytes) * PageLayout.pageSize
            #expect(
                number(bytes, list(bytes) * PageLayout.pageSize + 8, 8)
                    == number(bytes, slot + 80, 8))
        }
        // The same checkpoint under the next generation, for the log's sake, keeps list and birth.
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        try database.put("one more", "x")
        for _ in 0..<3 {
            let killed = files.survivors(.all)
            #expect(try SimulatedDatabase.verifyFile("test.db", files: killed).isSound)
            let again = try SimulatedDatabase.open("test.db", files: killed, options: options)
            try again.close()
            #expect(try SimulatedDatabase.verifyFile("test.db", files: killed).isSound)
            try database.checkpoint()
        }
        try database.close()
        #expect(opens() == nil)
    }

    // MARK: Old superblocks and catalogs

    @Test func twoOldSuperblocksHideNoNewerLeaf() throws {
        let images = try build(rounds: 6)
        let before = try content("test.db")
        var bytes = try bytes("test.db")
        copy([0, 1], of: images[1], to: &bytes)
        try write(bytes)
        let report = try verify()
        #expect(report.findings.contains { $0.kind == .superblock }, "\(report.findings)")
        let salvaged = try salvage()
        #expect(salvaged.basis == .scan && !salvaged.isComplete)
        let after = try content("out.db")
        let missing = before.filter { after[$0.key] != $0.value }
        #expect(missing.isEmpty, "\(missing.count) of \(before.count)")
    }

    /// What a lost write of the catalog's page leaves, had an earlier catalog been there before.
    @Test(arguments: [1, 2, 3])
    func aCatalogOlderThanItsTablesHidesNothing(round: Int) throws {
        let images = try build(rounds: 5, table: "named")
        let before = try content("test.db")
        var bytes = try bytes("test.db")
        func catalog(_ bytes: [UInt8]) -> Int {
            Int(number(bytes, newestSlot(bytes) * PageLayout.pageSize + 104, 4))
        }
        let root = catalog(bytes)
        let old = catalog(images[round])
        let start = old * PageLayout.pageSize
        let page = images[round][start..<start + PageLayout.pageSize]
        let place = root * PageLayout.pageSize
        bytes.replaceSubrange(place..<place + PageLayout.pageSize, with: page)
        put(UInt64(root), 4, at: place + 4, in: &bytes)
        seal(root, in: &bytes)
        try write(bytes)
        #expect(try !verify().isSound)
        _ = try salvage()
        // A table may come back under another name.
        var found: [[UInt8]: Set<[UInt8]>] = [:]
        for (key, value) in try content("out.db") {
            found[Array(key[(key.firstIndex(of: 0) ?? 0)...]), default: []].insert(value)
        }
        let missing = before.filter {
            let key = Array($0.key[($0.key.firstIndex(of: 0) ?? 0)...])
            return found[key]?.contains($0.value) != true
        }
        #expect(missing.isEmpty, "\(missing.count) of \(before.count)")
    }

    // MARK: Opening and verification agree

    /// A full disk undoes a checkpoint whose catalog names a root, and later roots come to lie at that page:
    /// the catalog is older than its table then, and nothing is lost.
    @Test func aRootBackAtTheSamePageIsNoLostCatalog() throws {
        var options = options
        options.durability = .buffered
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for number in 0..<3 { try database.put(numberKey(number), [0]) }
        try database.checkpoint()
        for round in 0..<8 {
            for value in 0...round { try database.put(numberKey(0), [UInt8(value)]) }
            try database.sync()
            // The first write is the log's, the second the data file's.
            files.fail(operation: files.count(of: .write) + 2, of: .write, with: .diskFull)
            let error = #expect(throws: StorageError.self) { try database.checkpoint() }
            #expect(error?.code == .diskFull && database.poison == nil)
            files.clearFaults()
            for value in 0..<8 {
                try database.put(numberKey(0), [UInt8(value)])
                let report = try database.verify()
                #expect(report.isSound, "\(report.findings)")
            }
            try database.checkpoint()
            let killed = files.survivors(.all)
            let report = try SimulatedDatabase.verifyFile("test.db", files: killed)
            #expect(report.isSound, "\(report.findings)")
        }
        try database.close()
    }

    /// A log that is cut, or whose segments' headers are damaged, before and behind its first frame.
    @Test func changedLogsAreJudgedAlike() throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for number in 0..<40 {
            try database.put(numberKey(number), [UInt8](repeating: 1, count: 300))
        }
        let log = try bytes("test.db-wal")
        let data = try bytes("test.db")
        try database.close()
        var changed: [(String, [UInt8])] = []
        for length in [0, 1, 8, 63, 64, 72, 100, 500, 1000, 4095, 4096, 4097, log.count - 1] {
            changed.append(("cut to \(length)", Array(log.prefix(length))))
        }
        let segment = options.logSegmentSize
        for hit in [[0], [1], [0, 1]] {
            for offset in [0, 9, 12, 20, 32, 40, 48, 60] {
                var damaged = log
                for slot in hit where slot * segment < log.count {
                    damaged[slot * segment + offset] ^= 0x5a
                }
                changed.append(("byte \(offset) of the headers \(hit)", damaged))
            }
        }
        for (what, log) in changed {
            try write(data)
            try write(log, "test.db-wal")
            try expectAgreement(what)
        }
    }

    /// Every field of a superblock with every likely number, its checksum made right; the other one is
    /// whole, or damaged.
    @Test(arguments: [false, true], [false, true])
    func whatVerifiesAsSoundOpens(isClosed: Bool, isOtherDamaged: Bool) throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for round in 0..<3 {
            for number in 0..<40 {
                try database.put(numberKey(number), [UInt8](repeating: UInt8(round), count: 300))
            }
            try database.write { try $0.put("row", "\(round)", table: "named") }
            if round < 2 { try database.checkpoint() }
        }
        var log = try bytes("test.db-wal")
        var data = try bytes("test.db")
        try database.close()
        if isClosed {
            data = try bytes("test.db")
            log = []
        }
        let fields = [
            (8, 8), (40, 4), (44, 4), (48, 4), (52, 4), (56, 8), (72, 8), (80, 8), (88, 8),
            (96, 8), (104, 4), (108, 1), (112, 4), (116, 4), (120, 4), (124, 4),
        ]
        let pages = UInt64(data.count / PageLayout.pageSize)
        for slot in 0..<2 {
            for (offset, size) in fields {
                let at = slot * PageLayout.pageSize + offset
                let old = number(data, at, size)
                for new in [
                    0, 1, 2, 3, old &+ 1, old &- 1, old &+ 2, old ^ 8, old &+ 4096, pages,
                    pages &- 1,
                    1 << 31, 1 << 62, .max,
                ] where new & mask(size) != old {
                    var forged = data
                    put(new, size, at: at, in: &forged)
                    if offset == 80 { put(new, 8, at: at - 72, in: &forged) }
                    seal(slot, in: &forged)
                    if isOtherDamaged { forged[(slot ^ 1) * PageLayout.pageSize + 200] ^= 1 }
                    try write(forged)
                    if log.isEmpty {
                        if try files.exists("test.db-wal") { try files.remove("test.db-wal") }
                    } else {
                        try write(log, "test.db-wal")
                    }
                    try expectAgreement("slot \(slot), offset \(offset): \(old) to \(new)")
                }
            }
        }
    }

    func mask(_ size: Int) -> UInt64 { size == 8 ? .max : 1 << UInt64(8 * size) - 1 }

    func expectAgreement(_ what: String) throws {
        let found = try verify()
        var options = options
        options.readOnly = true
        options.maximumFileSize = 1 << 30
        var verdict: String?
        do {
            let database = try SimulatedDatabase.open("test.db", files: files, options: options)
            let opened = try database.verify()
            if !opened.isSound { verdict = "\(opened.findings[0].error)" }
            try database.close()
        } catch {
            verdict = "\(error)"
        }
        #expect(
            found.isSound == (verdict == nil),
            "\(what): the files: \(found.findings.map(\.error)), opened: \(verdict ?? "sound")")
    }

    // MARK: Cells

    @Test func cellsThatShareBytesAreFound() throws {
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for number in 0..<20 { try database.put(numberKey(number), "some value") }
        try database.close()
        var bytes = try bytes("test.db")
        var forged = 0
        for page in 2..<bytes.count / PageLayout.pageSize {
            let base = page * PageLayout.pageSize
            guard bytes[base + 16] == 1, number(bytes, base + 18, 2) == 20 else { continue }
            // The cell of slot 4 is that of slot 15: the sizes still add up.
            let tails = base + 32 + 4 * 20
            for index in 0..<4 { bytes[tails + 16 + index] = bytes[tails + 60 + index] }
            seal(page, in: &bytes)
            forged += 1
        }
        #expect(forged == 1)
        try write(bytes)
        let report = try verify()
        #expect(report.findings.map(\.kind) == [.structure], "\(report.findings)")
        let again = try SimulatedDatabase.open("test.db", files: files, options: options)
        #expect(try again.verify().findings.map(\.kind) == [.structure])
        try again.close()
        let salvaged = try salvage()
        #expect(salvaged.entryCount == 20 && salvaged.uncertainEntries == 20)
    }

    // MARK: What can be reached

    @Test func oneDamagedPageLeavesTheOthersCounted() throws {
        _ = try build(rounds: 2, table: "named")
        let before = try content("test.db").count
        var bytes = try bytes("test.db")
        let leaf = try #require(
            (2..<bytes.count / PageLayout.pageSize).first { page in
                bytes[page * PageLayout.pageSize + 16] == 1
                    && number(bytes, page * PageLayout.pageSize + 18, 2) > 20
                    && opensWithout(page, bytes)
            })
        bytes[leaf * PageLayout.pageSize + 3000] ^= 1
        try write(bytes)
        let report = try verify()
        #expect(report.findings.count == 1)
        let lost = report.findings[0].entryCount ?? 0
        #expect(lost > 0 && report.entryCount == UInt64(before) - lost)
        #expect(report.tableCount == 1)
        var readOnly = options
        readOnly.readOnly = true
        let database = try SimulatedDatabase.open("test.db", files: files, options: readOnly)
        #expect(try database.verify().entryCount == report.entryCount)
        try database.close()
    }

    /// Whether the page is in use: damage in it is found.
    func opensWithout(_ page: Int, _ bytes: [UInt8]) -> Bool {
        var damaged = bytes
        damaged[page * PageLayout.pageSize + 3000] ^= 1
        do {
            try write(damaged)
            return try verify().findings.count == 1
        } catch {
            return false
        }
    }
}
