import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// `verify` and `salvage` on damaged files (`Docs/kvtools.md`).
@Suite struct SalvageCommandTests {
    let folder: TemporaryDirectory
    let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
        let text = (0..<2000).map { "key \($0)\tvalue \($0)\n" }.joined()
        let done = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array(text.utf8))
        #expect(done.status == .success, "\(done.error)")
    }

    /// Zeros the first leaf's content that holds `key`.
    private func damage(_ change: (inout [UInt8]) -> Void) throws {
        var bytes = try folder.read("my.db")
        change(&bytes)
        _ = try folder.write(bytes, to: "my.db")
    }

    private func leaves(_ bytes: [UInt8]) -> [Int] {
        (2..<bytes.count / 4096).filter { bytes[$0 * 4096 + 16] == 1 && bytes[$0 * 4096 + 18] > 20 }
    }

    @Test func aSoundFileComesBackWhole() throws {
        let done = kvtools("salvage", database, folder.file("new.db"))
        #expect(done.status == .success, "\(done.error)")
        #expect(done.text.contains("Everything came back."))
        #expect(kvtools("list", database).text == kvtools("list", folder.file("new.db")).text)
    }

    @Test func findingsNamePlaceKeysAndCommand() throws {
        try damage { bytes in
            let page = leaves(bytes)[1]
            bytes[page * 4096 + 2000] ^= 1
        }
        let text = kvtools("verify", database)
        #expect(text.status == .damaged)
        for part in [
            "damage: checksum:", "page ", "offset ", "expected:", "found:", "affected: keys",
            "next: kvtools salvage \(database) NEW", "\nDamage found in 1 place.\n",
        ] {
            #expect(text.text.contains(part), "\(part) in \(text.text)")
        }
        let json = kvtools("verify", database, "--json")
        #expect(json.text.contains(#""findings":[{"kind":"checksum","code":"damaged""#))
        #expect(json.text.contains(#""finding_count":1"#), "\(json.text)")
    }

    @Test func swappedPagesAreNamedWithTheNumbersThatTheyHaveAndShouldHave() throws {
        var pages: [Int] = []
        try damage { bytes in
            pages = Array(leaves(bytes)[1...2])
            for index in 0..<4096 {
                bytes.swapAt(pages[0] * 4096 + index, pages[1] * 4096 + index)
            }
        }
        let text = kvtools("verify", database).text
        for (page, other) in [(pages[0], pages[1]), (pages[1], pages[0])] {
            #expect(text.contains("expected: page \(page)\n    found: page \(other)\n"), "\(text)")
        }
    }

    @Test func verifySpeaksOfFilesThatDoNotOpen() throws {
        try damage { bytes in
            for index in 0..<8192 { bytes[index] = 0 }
        }
        #expect(kvtools("list", database).status == .damaged)
        let verified = kvtools("verify", database)
        #expect(verified.status == .damaged)
        #expect(verified.text.contains("Both superblocks are damaged."), "\(verified.text)")
        let done = kvtools("salvage", database, folder.file("new.db"))
        #expect(done.status == .damaged)
        #expect(kvtools("list", folder.file("new.db")).text.split(separator: "\n").count == 2000)
    }

    /// A superblock that the log makes good is no damage, but is told.
    @Test func verifyTellsOfASuperblockThatTheLogMakesGood() throws {
        let open = try FileDatabase.open(database)
        defer { try? open.close() }
        try open.put("one", "1")
        try open.checkpoint()
        try open.put("two", "2")
        var bytes = try folder.read("my.db")
        let newest = bytes[4096 + 72] > bytes[72] ? 4096 : 0
        bytes[newest + 100] ^= 255
        let copy = try folder.write(bytes, to: "copy.db")
        _ = try folder.write(try folder.read("my.db-wal"), to: "copy.db-wal")
        let text = kvtools("verify", copy)
        #expect(text.status == .success && text.text.contains("note: one superblock"), "\(text)")
        let json = kvtools("verify", copy, "--json")
        #expect(json.text.contains(#""spare_superblock_damaged":true"#), "\(json.text)")
    }

    @Test func whatIsLostIsNamed() throws {
        try damage { bytes in
            let page = leaves(bytes)[1]
            for index in page * 4096..<(page + 1) * 4096 { bytes[index] = 0xAA }
        }
        let before = try folder.read("my.db")
        let report = folder.file("report.json")
        let done = kvtools("salvage", database, folder.file("new.db"), "--report", report)
        #expect(done.status == .damaged)
        #expect(done.text.contains("lost: ") && done.text.contains("keys from "), "\(done.text)")
        let account = String(decoding: try folder.read("report.json"), as: UTF8.self)
        #expect(account.contains(#""losses":[{"kind":"range""#), "\(account)")
        #expect(kvtools("verify", folder.file("new.db")).status == .success)
        #expect(try folder.read("my.db") == before)
        #expect(try folder.names().sorted() == ["my.db", "new.db", "report.json"])
    }

    @Test func nothingThatIsThereIsReplaced() throws {
        #expect(kvtools("salvage", database, database).status == .usage)
        #expect(kvtools("salvage", database, database + "-wal").status == .usage)
        let other = try folder.write([1], to: "other")
        #expect(kvtools("salvage", database, other).status == .inputOutput)
        let target = folder.file("new.db")
        #expect(
            kvtools("salvage", database, target, "--report", database).status == .inputOutput)
        #expect(try folder.names().sorted() == ["my.db", "other"])
    }
}
