@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Salvage of single, chosen damages; random ones are crashtest's family `salvage`.
@Suite struct SalvageTests {
    private let files = CrashingFileSystem()

    /// A database of 3,000 entries, with an older version of some leaves lying about.
    private func build(tables: [String] = []) throws {
        let database = try SimulatedDatabase.open(on: files, .manual)
        let transaction = try database.begin()
        for number in 0..<3000 {
            try transaction.put(numberKey(number), "value \(number)")
            for table in tables {
                try transaction.put(numberKey(number), "\(table) \(number)", table: table)
            }
        }
        try transaction.put("long", [UInt8](repeating: 5, count: 20_000))
        try transaction.commit()
        try database.checkpoint()
        for number in stride(from: 0, to: 3000, by: 7) {
            try database.put(numberKey(number), "new")
        }
        try database.deleteRange(KeyRange(from: numberKey(1000), upTo: numberKey(1100)))
        try database.close()
    }

    private func rewrite(_ change: (inout [UInt8]) -> Void) throws {
        let file = try files.open("test.db", .readWrite)
        defer { file.close() }
        var bytes = try file.readAll()
        change(&bytes)
        try file.writeBytes(bytes)
        try file.sync()
    }

    private func content(_ path: String, table: String? = nil) throws -> [[UInt8]: [UInt8]] {
        let database = try SimulatedDatabase.open(path, files: files, options: .manual)
        defer { try? database.close() }
        var content: [[UInt8]: [UInt8]] = [:]
        try database.snapshot().forEach(table: table ?? "") { key, value throws(StorageError) in
            content[key.array] = value.array
            return true
        }
        return content
    }

    /// Pages of a kind, by their header.
    private func pages(_ bytes: [UInt8], kind: UInt8) -> [Int] {
        (2..<bytes.count / PageLayout.pageSize).filter {
            bytes[$0 * PageLayout.pageSize + 16] == kind
        }
    }

    private func salvage(includesUncertain: Bool = true) throws -> SalvageReport {
        var options = SalvageOptions()
        options.sizeLimit = 64 << 20
        options.includesUncertain = includesUncertain
        return try SimulatedDatabase.salvage(
            from: "test.db", to: "out.db", files: files, options: options)
    }

    @Test func aSoundDatabaseComesBackWhole() throws {
        try build()
        let before = try content("test.db")
        let report = try salvage()
        #expect(report.isComplete)
        #expect(try content("out.db") == before)
    }

    @Test func lostInnerNodesLoseNothing() throws {
        try build()
        let before = try content("test.db")
        try rewrite { bytes in
            for page in pages(bytes, kind: 2) { bytes[page * PageLayout.pageSize + 3000] ^= 255 }
        }
        let report = try salvage(includesUncertain: false)
        #expect(
            report.lostEntries == 0 && report.uncountedLosses == 0 && report.uncertainEntries == 0)
        #expect(try content("out.db") == before)
    }

    @Test func lostSuperblocksLoseNoUndamagedLeaf() throws {
        try build()
        let before = try content("test.db")
        try rewrite { bytes in
            for slot in 0..<2 { bytes[slot * PageLayout.pageSize + 100] ^= 255 }
        }
        let report = try salvage()
        #expect(report.basis == .scan && !report.isComplete)
        let after = try content("out.db")
        for (key, value) in before { #expect(after[key] == value) }
    }

    /// Once, a log whose end was lost was applied to pages that were newer: old values came back.
    @Test func aLogThatEndsBelowThePagesTurnsNothingBack() throws {
        let database = try SimulatedDatabase.open(on: files, .manual)
        for number in 0..<300 { try database.put(numberKey(number), "old") }
        try database.checkpoint()
        try database.put(numberKey(7), "older")
        let file = try files.open("test.db-wal", .readOnly)
        let log = try file.readAll()
        file.close()
        try database.put(numberKey(7), "new")
        try database.checkpoint()
        try database.close()
        try rewrite { bytes in
            for slot in 0..<2 { bytes[slot * PageLayout.pageSize + 100] ^= 255 }
        }
        let stale = try files.open("test.db-wal", .createNew)
        try stale.writeBytes(log)
        stale.close()
        let report = try salvage()
        #expect(try content("out.db")[numberKey(7)] == Array("new".utf8))
        #expect(report.logRecordsApplied == 0 && report.logRecordsLeftOut > 0)
    }

    /// A transaction larger than the cache writes leaves out that it then replaces. Once, these won over
    /// the ones in use, which are of the same transaction, when they had more entries.
    @Test func leavesReplacedInTheirOwnTransactionHideNothing() throws {
        var options = DatabaseOptions.manual
        options.cacheBudget = 128 << 10
        options.dirtyBudget = 64 << 10
        let database = try SimulatedDatabase.open(on: files, options)
        let transaction = try database.begin()
        for number in 0..<10_000 { try transaction.put(numberKey(number), "value \(number)") }
        try transaction.deleteRange(KeyRange(from: numberKey(1000), upTo: numberKey(9000)))
        for number in stride(from: 1500, to: 9000, by: 1000) {
            try transaction.put(numberKey(number), "last")
        }
        try transaction.commit()
        try database.checkpoint()
        try database.close()
        let before = try content("test.db")
        try rewrite { bytes in
            for page in pages(bytes, kind: 2) + pages(bytes, kind: 4) {
                bytes[page * PageLayout.pageSize + 3000] ^= 255
            }
        }
        let report = try salvage()
        #expect(report.tables.count > 1, "Nothing was written out and replaced.")
        try expectEverywhere([before])
    }

    /// A newest superblock that the log makes good is told, and nothing of it is lost.
    @Test func aSuperblockThatTheLogMakesGoodIsANote() throws {
        let database = try SimulatedDatabase.open(on: files, .manual)
        try database.put("a", "1")
        try database.checkpoint()
        try database.put("b", "2")
        try database.checkpoint()
        try database.put("c", "3")
        try copyWithoutNewestSuperblock()
        try database.close()
        let covered = try SimulatedDatabase.verifyFile("copy.db", files: files)
        #expect(covered.isSound && covered.isSpareSuperblockDamaged)
        #expect(try content("copy.db").count == 3)
    }

    /// Once, the log was then read from wherever it starts, and what was missing was not told.
    @Test func aSuperblockThatTheLogDoesNotReachIsDamage() throws {
        var options = DatabaseOptions.manual
        options.logSegmentSize = 4096
        let database = try SimulatedDatabase.open(on: files, options)
        for round in 0..<4 {
            for number in 0..<60 {
                try database.put(numberKey(number), [UInt8](repeating: UInt8(round), count: 300))
            }
            if round < 3 { try database.checkpoint() }
        }
        try copyWithoutNewestSuperblock()
        try database.close()
        let lost = try SimulatedDatabase.verifyFile("copy.db", files: files)
        #expect(lost.findings.contains { $0.kind == .log }, "\(lost.findings)")
    }

    /// Copies the files of an open database as `copy.db`.
    private func copyWithoutNewestSuperblock() throws {
        for name in ["test.db", "test.db-wal"] {
            let file = try files.open(name, .readOnly)
            var bytes = try file.readAll()
            file.close()
            if name == "test.db" {
                let newest = bytes[4096 + 72] > bytes[72] ? 4096 : 0
                bytes[newest + 100] ^= 255
            }
            let copy = try files.open("copy" + name.dropFirst(4), .createNew)
            try copy.writeBytes(bytes)
            copy.close()
        }
    }

    @Test func tablesKeepTheirNamesWithoutARoot() throws {
        try build(tables: ["a", "b"])
        let before = try ["", "a", "b"].map { try content("test.db", table: $0) }
        try rewrite { bytes in
            for page in pages(bytes, kind: 2) { bytes[page * PageLayout.pageSize + 3000] ^= 255 }
        }
        _ = try salvage()
        // Without a node that leads to them, leaves with the same keys can't be told apart; none
        // is dropped.
        try expectEverywhere(before)
    }

    /// Once, all of a file without any catalog was taken for the default table, and of leaves that
    /// overlapped, which were two tables', one was dropped.
    @Test func tablesAreNotMixedWithoutACatalog() throws {
        try build(tables: ["a", "b"])
        let before = try ["", "a", "b"].map { try content("test.db", table: $0) }
        try rewrite { bytes in
            let leaves = pages(bytes, kind: 1)
            for page in leaves where bytes[page * PageLayout.pageSize + 18] <= 3 {
                bytes[page * PageLayout.pageSize + 3000] ^= 255
            }
        }
        let report = try salvage()
        #expect(report.basis == .scan)
        try expectEverywhere(before)
    }

    /// What the tables held, each entry in any of the new ones.
    private func expectEverywhere(_ before: [[[UInt8]: [UInt8]]]) throws {
        let database = try SimulatedDatabase.open("out.db", files: files, options: .manual)
        let names = try database.snapshot().tableNames()
        try database.close()
        var found: [[UInt8]: Set<[UInt8]>] = [:]
        for name in [""] + names {
            for (key, value) in try content("out.db", table: name) {
                found[key, default: []].insert(value)
            }
        }
        let missing = before.joined().filter { found[$0.key]?.contains($0.value) != true }
        #expect(missing.isEmpty, "\(missing.count) of \(before.joined().count) entries")
    }

    @Test func aDamagedLongValueIsLostAlone() throws {
        try build()
        let before = try content("test.db")
        try rewrite { bytes in
            for page in pages(bytes, kind: 3) { bytes[page * PageLayout.pageSize + 3000] ^= 255 }
        }
        let report = try salvage()
        #expect(report.losses.map(\.kind) == [.value])
        #expect(report.losses.first?.keys.lowerBound == Array("long".utf8))
        #expect(try content("out.db").count == before.count - 1)
    }

    @Test func oneFlipDoesNotHideAnother() throws {
        try build()
        try rewrite { bytes in
            for page in pages(bytes, kind: 1) { bytes[page * PageLayout.pageSize + 3000] ^= 255 }
        }
        let found = try SimulatedDatabase.verifyFile("test.db", files: files)
        #expect(found.findings.allSatisfy { $0.kind == .checksum })
        #expect(found.findings.count == 1)
        // The catalog is a leaf too; without it no tree is known.
        try rewrite { bytes in
            let newest = bytes[4096 + 72] > bytes[72] ? 4096 : 0
            let catalog = Int(bytes[newest + 104]) | Int(bytes[newest + 105]) << 8
            bytes[catalog * PageLayout.pageSize + 3000] ^= 255
        }
        let all = try SimulatedDatabase.verifyFile("test.db", files: files)
        #expect(all.findings.count > 10)
        #expect(all.findings.allSatisfy { $0.kind == .checksum && $0.keys != nil })
    }

    @Test func foreignFilesAreRefusedAndLeaveNothing() throws {
        let file = try files.open("test.db", .createNew)
        try file.writeBytes([UInt8](repeating: 7, count: 50_000))
        file.close()
        #expect(errorCode { try salvage() } == .damaged)
        #expect(try !files.exists("out.db"))
    }
}
