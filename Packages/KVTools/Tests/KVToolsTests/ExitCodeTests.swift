import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// `Docs/ExitCodes.md` against the code, and each bad situation against its row there.
@Suite struct ExitCodeTests {
    let folder: TemporaryDirectory
    let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
    }

    // MARK: The tables

    static let document = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Docs/ExitCodes.md")

    static func rows() throws -> [[String]] {
        try String(contentsOf: document, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| ") }
            .map { line in
                line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            }
    }

    @Test func everyErrorCodeHasItsRow() throws {
        let rows = try Self.rows().filter { $0.count == 4 && Int($0[0]) != nil }
        var number: UInt8 = 1
        while let code = StorageError.Code(rawValue: number) {
            let row = try #require(rows.first { $0[0] == "\(number)" }, "no row for \(code.name)")
            #expect(row[1] == "`\(code.name)`")
            #expect(row[2] == "\(CommandStatus(code).rawValue)", "\(code.name)")
            number += 1
        }
        #expect(rows.count == Int(number) - 1)
    }

    @Test func everyStatusHasItsRow() throws {
        let listed = try Self.rows().filter { $0.count == 2 }.compactMap { Int32($0[0]) }
        #expect(listed == CommandStatus.allCases.map(\.rawValue))
    }

    // MARK: The situations

    /// Runs a command and checks its status and the code that it names, for a person and as JSON.
    func expect(
        _ status: CommandStatus, _ codes: [StorageError.Code], _ arguments: [String],
        input: [UInt8] = [], location: SourceLocation = #_sourceLocation
    ) {
        let error = MemoryOutput()
        let got = CommandLineTool.run(
            arguments: arguments + ["--json"], input: MemoryInput(input), output: MemoryOutput(),
            error: error)
        #expect(got == status, "\(arguments): \(error.text)", sourceLocation: location)
        #expect(
            codes.contains { error.text.hasPrefix(#"{"error":{"code":"\#($0.name)","#) },
            "\(arguments): \(error.text)", sourceLocation: location)
        let plain = MemoryOutput()
        let again = CommandLineTool.run(
            arguments: arguments, input: MemoryInput(input), output: MemoryOutput(), error: plain)
        #expect(again == status && plain.text.hasPrefix("kvtools: "), sourceLocation: location)
    }

    func fill() {
        let text = (0..<500).map { "key \($0)\tvalue \($0)\n" }.joined()
        let done = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array(text.utf8))
        #expect(done.status == .success, "\(done.error)")
    }

    @Test func aDatabaseCutShort() throws {
        fill()
        let bytes = try folder.read("my.db")
        for length in [1, 100, 4096, 5000, bytes.count / 2] {
            _ = try folder.write(Array(bytes.prefix(length)), to: "cut.db")
            expect(
                .damaged, [.truncated, .damaged, .notADatabase], ["list", folder.file("cut.db")])
        }
    }

    @Test func aByteFlippedInAPage() throws {
        fill()
        var bytes = try folder.read("my.db")
        // Every page but the superblocks; a page may be free, so not each flip is damage to find.
        var found = 0
        for page in 2..<(bytes.count / 4096) {
            bytes[page * 4096 + 100] ^= 0xFF
            let copy = try folder.write(bytes, to: "flipped.db")
            let verified = kvtools("verify", copy)
            if verified.status == .damaged { found += 1 }
            #expect([.success, .damaged].contains(verified.status), "page \(page)")
            bytes[page * 4096 + 100] ^= 0xFF
        }
        #expect(found > 0)
    }

    @Test func anEmptyFile() throws {
        expect(.damaged, [.emptyFile], ["list", try folder.write([], to: "empty.db")])
        expect(.damaged, [.emptyFile], ["put", folder.file("empty.db"), "k", "v"])
        #expect(try folder.read("empty.db").isEmpty)
    }

    @Test func aForeignFile() throws {
        let foreign = try folder.write([UInt8](repeating: 0x41, count: 20_000), to: "foreign")
        expect(.damaged, [.notADatabase], ["list", foreign])
        expect(.damaged, [.notADatabase], ["put", foreign, "k", "v"])
        #expect(try folder.read("foreign").count == 20_000)
        #expect(kvtools("list", folder.path).status == .damaged)
    }

    @Test func aNewerFormat() throws {
        fill()
        var bytes = try folder.read("my.db")
        // The format version's place in both superblocks (Docs/FileFormat.md).
        for slot in [0, 4096] { bytes[slot + 40] = 99 }
        let newer = try folder.write(bytes, to: "newer.db")
        expect(.unsupportedFormat, [.unsupportedFormat], ["list", newer])
        expect(.unsupportedFormat, [.unsupportedFormat], ["put", newer, "k", "v"])
    }

    @Test(.enabled(if: getuid() != 0, "access rights don't bind the superuser"))
    func aDatabaseThatMayOnlyBeRead() throws {
        fill()
        #expect(unsafe chmod(database, 0o400) == 0)
        expect(.inputOutput, [.permissionDenied, .readOnly], ["put", database, "k", "v"])
        #expect(kvtools("get", database, "key 1").text == "value 1")
        #expect(unsafe chmod(database, 0) == 0)
        expect(.inputOutput, [.permissionDenied], ["list", database])
    }

    @Test func aHeldDatabase() throws {
        fill()
        let writer = try DatabaseAccess(path: database, mode: .write)
        expect(.locked, [.locked], ["list", database])
        expect(.locked, [.locked], ["put", database, "k", "v"])
        try writer.close()
        let reader = try DatabaseAccess(path: database, mode: .read)
        expect(.locked, [.locked], ["put", database, "k", "v"])
        #expect(kvtools("get", database, "key 1").status == .success)
        try reader.close()
        #expect(kvtools("put", database, "k", "v").status == .success)
    }

    @Test func aMissingFile() throws {
        expect(.inputOutput, [.fileNotFound], ["list", folder.file("none.db")])
        expect(.inputOutput, [.fileNotFound], ["import", database, folder.file("none.tkdb")])
        expect(.inputOutput, [.fileNotFound], ["put", folder.file("none/my.db"), "k", "v"])
        fill()
        expect(.inputOutput, [.fileNotFound], ["export", database, "-o", folder.file("no/x")])
        #expect(try folder.names() == ["my.db"])
    }

    @Test func aKeyTooLong() {
        let long = String(repeating: "k", count: 1025)
        expect(.usage, [.keyTooLong], ["put", database, long, "v"])
        let arguments = ["import", database, "-", "--input-format", "tsv"]
        expect(.usage, [.keyTooLong], arguments, input: Array("\(long)\tv\n".utf8))
        let head: [UInt8] = Array("TKDB_EXP".utf8) + [1, 0, 0, 0, 1, 4, 0, 0, 0, 0]
        expect(.usage, [.keyTooLong], ["import", database, "-"], input: head)
        let longest = String(repeating: "k", count: 1024)
        #expect(kvtools("put", database, longest, "v").status == .success)
    }

    @Test func badExports() throws {
        fill()
        let export = kvtools("export", database).output
        let packed = kvtools("export", database, "--lz4").output
        let copy = folder.file("copy.db")
        for bytes in [export, packed] {
            var flipped = bytes
            flipped[bytes.count / 2] ^= 1
            expect(
                .damaged, [.damaged, .truncated], ["import", copy, "-"], input: flipped)
            let cut = Array(bytes.prefix(bytes.count - 1))
            expect(.damaged, [.truncated], ["import", copy, "-"], input: cut)
        }
        expect(.damaged, [.emptyFile], ["import", copy, "-"])
        expect(.damaged, [.notADatabase], ["import", copy, "-"], input: [1, 2, 3])
        let newer = Array("TKDB_EXP".utf8) + [3, 0, 0, 0]
        expect(.unsupportedFormat, [.unsupportedFormat], ["import", copy, "-"], input: newer)
        expect(
            .usage, [.invalidArgument], ["import", copy, "-", "--input-format", "ndjson"],
            input: Array("{}".utf8))
        #expect(try folder.names() == ["my.db"])
    }

    @Test func wrongUsage() {
        for arguments in [["put"], ["nonsense"], ["get", "x"], ["list", "x", "--limit", "-1"]] {
            let status = CommandLineTool.run(
                arguments: arguments, input: MemoryInput(), output: MemoryOutput(),
                error: MemoryOutput())
            #expect(status == .usage, "\(arguments)")
        }
        expect(.usage, [.invalidArgument], ["get", database, "xyz", "--key-format", "hex"])
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func aDeviceThatIsFull() {
        fill()
        expect(.inputOutput, [.diskFull], ["export", database, "--output", "/dev/full"])
    }
}
