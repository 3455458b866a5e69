@_spi(Engine) import DatabaseTesting
import BTree
import StorageIO
import StorageIOTesting
import Testing
import WAL

@_spi(Engine) @testable import KVDB
@testable import PageStore

/// Verifying the files of a database and opening them lead to one verdict, whatever the files hold.
@Suite struct AgreementTests: ForgedFiles {
    let files = CrashingFileSystem()

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

    /// How the files of ``whatVerifiesAsSoundOpens(_:isOtherDamaged:)`` come to be.
    enum Past: CaseIterable { case killed, closed, closedWithoutLog }

    /// Every field of a superblock with every likely number, its checksum made right; the other one is
    /// whole, or damaged.
    @Test(arguments: Past.allCases, [false, true])
    func whatVerifiesAsSoundOpens(_ past: Past, isOtherDamaged: Bool) throws {
        var options = options
        options.usesLog = past != .closedWithoutLog
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for round in 0..<3 {
            for number in 0..<40 {
                try database.put(numberKey(number), [UInt8](repeating: UInt8(round), count: 300))
            }
            try database.write { try $0.put("row", "\(round)", table: "named") }
            if round < 2 { try database.checkpoint() }
        }
        let log = past == .killed ? try bytes("test.db-wal") : []
        var data = try bytes("test.db")
        try database.close()
        if past != .killed { data = try bytes("test.db") }
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

    /// A page that no list names is lost space, also beside a superblock that a crash may have torn.
    @Test(arguments: [true, false], [false, true])
    func aFreeRunThatIsTooShortIsFound(isLogged: Bool, isOtherDamaged: Bool) throws {
        var options = options
        options.usesLog = isLogged
        let database = try SimulatedDatabase.open("test.db", files: files, options: options)
        for round in 0..<6 {
            for number in 0..<90 {
                try database.put(numberKey(number), [UInt8](repeating: UInt8(round), count: 300))
            }
            if round == 3 { for number in 0..<60 { try database.delete(numberKey(number)) } }
            try database.checkpoint()
        }
        try database.close()
        var data = try bytes("test.db")
        let slot = newestSlot(data) * PageLayout.pageSize
        let list = Int(number(data, slot + 116, 4)) * PageLayout.pageSize
        try #require(list > 0)
        let count = try #require(
            (0..<Int(number(data, list + FreeListLayout.entryCount, 4))).lazy.map {
                list + FreeListLayout.entries + FreeListLayout.entrySize * $0 + 4
            }.first { number(data, $0, 4) > 1 })
        put(number(data, count, 4) - 1, 4, at: count, in: &data)
        put(number(data, slot + 120, 4) - 1, 4, at: slot + 120, in: &data)
        seal(list / PageLayout.pageSize, in: &data)
        seal(slot / PageLayout.pageSize, in: &data)
        if isOtherDamaged { data[(slot ^ PageLayout.pageSize) + 200] ^= 1 }
        try write(data)
        #expect(try !verify().isSound)
        try expectAgreement("logged \(isLogged), other slot damaged \(isOtherDamaged)")
    }

    func mask(_ size: Int) -> UInt64 { size == 8 ? .max : 1 << UInt64(8 * size) - 1 }

    func expectAgreement(_ what: String) throws {
        let found = try verify()
        var options = options
        options.access = .readOnly
        options.sizeLimit = 1 << 30
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
}
