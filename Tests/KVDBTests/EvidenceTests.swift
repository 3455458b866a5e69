@_spi(Engine) import DatabaseTesting
import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// What opening, verification and salvage believe of a file that is wrong in one place although every
/// checksum is right: a write that was lost, a field that was forged, a log that was cut.
@Suite struct EvidenceTests: ForgedFiles {
    let files = CrashingFileSystem()

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
        readOnly.access = .readOnly
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
