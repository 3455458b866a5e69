import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Values that are too long to be taken as a whole.
@Suite struct LongValueCommandTests {
    private let folder: TemporaryDirectory
    private let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
    }

    @Test(arguments: [0, 1, 65_536, 262_143, 262_144, 262_145, 1_000_003])
    func whatIsPutIsPrinted(count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let value = random.bytes(count)
        for table in ["", "files"] {
            let put = kvtools("put", database, "k", "-", "--table", table, input: value)
            #expect(put.status == .success && put.error == "", "\(put.error)")
            let got = kvtools("get", database, "k", "--table", table)
            let isSame = got.output == value
            #expect(isSame && got.status == .success)
        }
        let hex = kvtools("get", database, "k", "--value-format", "hex")
        let isHex = hex.text == value.map(Self.hex).joined() + "\n"
        #expect(isHex)
        let json = kvtools("put", database, "k", "-", "--json", input: value)
        #expect(json.text.contains("\"value_bytes\":\(count)"))
        // Nothing is left beside the database.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["my.db"])
        #expect(kvtools("verify", database).status == .success)
        let copy = folder.file("copy.db")
        #expect(kvtools("export", database, folder.file("all.tkdb")).status == .success)
        #expect(kvtools("import", copy, folder.file("all.tkdb")).status == .success)
        let isCopied = kvtools("get", copy, "k", "--table", "files").output == value
        #expect(isCopied)
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = Array("0123456789abcdef")
        return "\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }

    /// The input is at fault, and not the database, wherever in a value it ends.
    @Test func aCutExportNamesTheInput() throws {
        let value = [UInt8](repeating: 7, count: 900_000)
        #expect(kvtools("put", database, "k", "-", input: value).status == .success)
        let all = kvtools("export", database, "-").output
        let path = try folder.write(Array(all.prefix(500_000)), to: "cut.tkdb")
        let cut = kvtools("import", folder.file("new.db"), path)
        #expect(cut.status != .success && cut.error.contains("cut.tkdb"), "\(cut.error)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("new.db")))
        let merged = kvtools("import", database, path, "--merge")
        #expect(merged.status == cut.status)
        let isSame = kvtools("get", database, "k").output == value
        #expect(isSame)
    }

    @Test func aKeyThatIsNotThereIsNotFound() throws {
        #expect(kvtools("put", database, "k", "v").status == .success)
        #expect(kvtools("get", database, "x").status == .notFound)
        #expect(kvtools("get", database, "k", "--table", "t").status != .success)
    }
}
