import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// The command lines of the older kvtools, word for word ("The older lines" in Docs/kvtools.md).
@Suite(.enabled(if: BuiltCommand.executable != nil, "kvtools is not beside these tests"))
struct OlderLinesTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Runs a line in the folder, with nobody at a terminal.
    private func run(_ line: String) throws -> BuiltCommand.Result {
        let words = line.split(separator: " ").map(String.init)
        try #require(words.first == "kvtools")
        return try BuiltCommand.start(Array(words.dropFirst()), in: folder.path).finish()
    }

    @Test func eachLineDoesWhatItDid() throws {
        #expect(try run("kvtools my.db put mykey myvalue").status == 0)
        let got = try run("kvtools my.db get mykey")
        #expect(got.status == 0 && got.output == "myvalue")
        let listed = try run("kvtools my.db list")
        #expect(listed.status == 0 && listed.output == "mykey\tmyvalue\n")
        for verb in ["stats", "compact", "verify", "inspect"] {
            let done = try run("kvtools my.db \(verb)")
            #expect(done.status == 0 && !done.output.isEmpty, "\(verb): \(done)")
        }
        let exported = try run("kvtools my.db export backup.tkdb")
        #expect(exported.status == 0 && exported.output.isEmpty, "\(exported)")
        #expect(try folder.read("backup.tkdb").starts(with: Array("TKDB_EXP".utf8)))
        let deleted = try run("kvtools my.db delete mykey")
        #expect(deleted.status == 0)
        #expect(try run("kvtools my.db get mykey").status == 1)
        let imported = try run("kvtools my.db import backup.tkdb")
        #expect(imported.status == 0, "\(imported)")
        #expect(try run("kvtools my.db get mykey").output == "myvalue")
        #expect(try run("kvtools other.db import backup.tkdb").status == 0)
        #expect(try folder.names().sorted() == ["backup.tkdb", "my.db", "other.db"])
    }

    /// The one exception: the older command replaced what was there without a word.
    @Test func importOverEntriesAsksForAWord() throws {
        _ = try run("kvtools my.db put mykey myvalue")
        _ = try run("kvtools my.db export backup.tkdb")
        _ = try run("kvtools my.db put mykey changed")
        let before = try folder.read("my.db")
        let refused = try run("kvtools my.db import backup.tkdb")
        #expect(refused.status == 64)
        #expect(refused.error.contains("--replace") && refused.error.contains("--merge"))
        #expect(try folder.read("my.db") == before, "a refused import wrote to the file")
        #expect(try run("kvtools my.db import backup.tkdb --replace").status == 0)
        #expect(try run("kvtools my.db get mykey").output == "myvalue")
    }

    /// What is typed at a terminal decides.
    @Test(arguments: [
        ("r\n", CommandStatus.success, "k\tv\n"), ("replace\r\n", .success, "k\tv\n"),
        ("m\n", .success, "k\tv\nother\t1\n"), ("Merge\n", .success, "k\tv\nother\t1\n"),
        ("\n", .usage, "other\t1\n"), ("", .usage, "other\t1\n"), ("yes\n", .usage, "other\t1\n"),
    ])
    func aTerminalIsAsked(answer: String, status: CommandStatus, left: String) throws {
        let path = folder.file("my.db")
        let file = try folder.write(Array("k\tv\n".utf8), to: "in.tsv")
        kvtools("put", path, "other", "1")
        let error = MemoryOutput(isTerminal: true)
        let done = CommandLineTool.run(
            arguments: [path, "import", file],
            input: MemoryInput(Array(answer.utf8), isTerminal: true),
            output: MemoryOutput(isTerminal: true), error: error)
        #expect(done == status, "\(error.text)")
        #expect(error.text.contains("has 1 entry. Replace"), "\(error.text)")
        #expect(kvtools("list", path).text == left)
    }
}
