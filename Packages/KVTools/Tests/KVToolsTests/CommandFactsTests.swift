import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// What commands say: figures that are those of the files, messages that name what they are about.
@Suite struct CommandFactsTests {
    let folder: TemporaryDirectory
    let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
    }

    private func byteCount(_ name: String = "my.db") throws -> Int { try folder.read(name).count }

    @Test func compactSaysTheFilesSizes() throws {
        let text = (0..<5000).map { "key \($0)\tvalue \($0)\n" }.joined()
        kvtools("import", database, "-", "--input-format", "tsv", input: Array(text.utf8))
        kvtools(
            "import", database, "-", "--input-format", "tsv", "--replace",
            input: Array(text.prefix(400).utf8))
        let before = try byteCount()
        let done = kvtools("compact", database, "--json")
        let after = try byteCount()
        #expect(after < before)
        #expect(
            done.text.hasPrefix(#"{"before_bytes":\#(before),"after_bytes":\#(after),"#),
            "\(done.text)")
    }

    @Test func statsCountsAllTables() throws {
        kvtools("put", database, "k", "v")
        for name in 0..<60 { kvtools("put", database, "k", "v", "--table", "table \(100 + name)") }
        kvtools("put", database, "l", "v", "--table", "table 100")
        let json = kvtools("stats", database, "--json").text
        #expect(
            json.hasPrefix(#"{"entries":62,"default_table_entries":1,"tables":{"table 100":2,"#))
        #expect(json.contains(#""table 159":1}"#))
        let lines = kvtools("stats", database).text.split(separator: "\n")
        #expect(lines[0].hasPrefix("entries ") && lines[0].hasSuffix(" 62"))
        #expect(lines[2].hasPrefix("tables ") && lines[2].hasSuffix(" table 100 2"))
        #expect(lines[3].trimmingCharacters(in: .whitespaces) == "table 101 1")
        // Not more lines than a person looks at.
        #expect(lines.contains { $0.hasSuffix("... and 10 more; --json lists all") })
        let verified = kvtools("verify", database).text
        #expect(verified.hasPrefix("entries        62\n"), "\(verified)")
    }

    /// Pages of long values that are damaged are no hindrance where no value is asked for.
    @Test func keysAreListedWithoutTheirValues() throws {
        let value = [UInt8](repeating: 0x61, count: 100_000)
        for key in ["a", "b", "c", "d"] { kvtools("put", database, key, "-", input: value) }
        var bytes = try folder.read("my.db")
        for page in 2..<bytes.count / 4096
        where bytes[(page * 4096 + 1000)..<(page * 4096 + 1100)].allSatisfy({ $0 == 0x61 }) {
            bytes[page * 4096 + 1000] = 0
        }
        let broken = try folder.write(bytes, to: "broken.db")
        #expect(kvtools("list", broken).status == .damaged)
        let keys = kvtools("list", broken, "--keys-only")
        #expect(keys.status == .success && keys.text == "a\nb\nc\nd\n", "\(keys.error)")
        #expect(kvtools("list", broken, "--keys-only", "--reverse").text == "d\nc\nb\na\n")
        #expect(
            kvtools("list", broken, "--keys-only", "--json", "--from", "b", "--to", "d").text
                == "{\"key\":\"b\"}\n{\"key\":\"c\"}\n")
        #expect(
            kvtools("list", broken, "--keys-only", "--reverse", "--from", "b", "--to", "d").text
                == "c\nb\n")
        #expect(
            kvtools("list", broken, "--keys-only", "--reverse", "--limit", "2").text == "d\nc\n")
    }

    /// A line of which something was escaped says so, but where a person looks or a format was asked
    /// for.
    @Test func escapedLinesSaySo() {
        kvtools("put", database, "a", "plain é")
        kvtools("put", database, "b", "two\nlines")
        kvtools("put", database, "c\\", "")
        let marked = "a\tplain é\nb\ttwo\\nlines\t\\escaped\nc\\\\\t\t\\escaped\n"
        let bare = "a\tplain é\nb\ttwo\\nlines\nc\\\\\t\n"
        #expect(kvtools("list", database).text == marked)
        #expect(kvtools("list", database, terminal: true).text == bare)
        #expect(kvtools("list", database, "--value-format", "escaped").text == bare)
        #expect(kvtools("list", database, "--key-format", "escaped").text == bare)
        #expect(kvtools("list", database, "--keys-only").text == "a\nb\nc\\\\\n")
    }

    @Test func aPutThatCannotBeCreatesNoDatabase() throws {
        let long = String(repeating: "k", count: 1025)
        for arguments in [
            [long, "v"], ["k", "v", "--table", long], ["zz", "v", "--key-format", "hex"],
            ["k", "zz", "--value-format", "hex"],
        ] {
            let status = CommandLineTool.run(
                arguments: ["put", database] + arguments, input: MemoryInput(),
                output: MemoryOutput(), error: MemoryOutput())
            #expect(status == .usage)
            #expect(try folder.names().isEmpty, "\(arguments)")
        }
    }

    @Test func aTableThatIsNotThereIsNamed() {
        kvtools("put", database, "k", "v")
        for arguments in [["get", database, "k"], ["delete", database, "k"], ["list", database]] {
            let error = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: arguments + ["--table", "nope"], input: MemoryInput(),
                output: MemoryOutput(), error: error)
            #expect(status == .notFound)
            #expect(
                error.text.contains("No table `nope`; the database has only the default table."))
        }
        for name in ["price", "stock"] { kvtools("put", database, "k", "v", "--table", name) }
        let two = kvtools("get", database, "k", "--table", "nope", "--json")
        #expect(two.status == .notFound && two.error.contains(#""code":"tableNotFound""#))
        #expect(two.error.contains("No table `nope`; there are `price` and `stock`."))
        let none = kvtools("list", database, "--table", "nope", "--limit", "0")
        #expect(none.status == .notFound)
    }

    @Test func messagesNameWhatTheyAreAbout() throws {
        kvtools("put", database, "k", "v")
        #expect(
            kvtools("get", database, "no\nkey").error
                == "kvtools: No key `no\\nkey` in \(database).\n")
        kvtools("put", database, "k", "v", "--table", "t")
        #expect(
            kvtools("delete", database, "x", "--table", "t").error
                == "kvtools: No key `x` in table `t` of \(database).\n")
        let nowhere = folder.file("nodir/x.db")
        #expect(
            kvtools("put", nowhere, "k", "v").error.contains(
                "Can't create the database: there is no directory \(folder.file("nodir"))."))
        let file = folder.file("my.tkdb")
        kvtools("export", database, file)
        #expect(
            kvtools("list", file).error.contains("`kvtools import NEW \(file)` makes one of it."))
        let sqlite = try folder.write(
            Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 9000), to: "big.sqlite")
        let foreign = kvtools("list", sqlite)
        #expect(foreign.status == .damaged && foreign.error.contains("This is an SQLite database"))
    }

    @Test(arguments: [
        ("a\t1\n", "Imported 1 entry from standard input."),
        ("a\t1\nb\t2\n", "Imported 2 entries from standard input."),
        (
            "a\t1\na\t2\n",
            "Imported 2 entries from standard input: 1 new, 1 in place of one with the same key."
        ), ("", "Imported 0 entries from standard input."),
    ])
    func anImportSaysWhatItDid(text: String, message: String) {
        let done = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array(text.utf8))
        #expect(done.error == "kvtools: \(message)\n")
        let again = kvtools(
            "import", database, "-", "--input-format", "tsv", "--merge", "--json",
            input: Array(text.utf8))
        #expect(again.text.contains(#""new_entries":0,"mode":"merge""#), "\(again.text)")
    }

    /// What is wrong with a file that is read is no reason to look at the database.
    @Test func hintsAreAboutWhatIsDamaged() throws {
        kvtools("put", database, "k", "v")
        let export = kvtools("export", database).output
        let cut = try folder.write(Array(export.dropLast()), to: "cut.tkdb")
        let refused = kvtools("import", folder.file("new.db"), cut)
        #expect(refused.status == .damaged && !refused.error.contains("verify"), "\(refused.error)")
        let bytes = try folder.read("my.db")
        let broken = try folder.write(Array(bytes.prefix(5000)), to: "broken.db")
        #expect(kvtools("list", broken).error.contains("kvtools verify"))
        let held = try DatabaseAccess(path: database, mode: .write)
        let locked = kvtools("list", database).error
        #expect(locked.split(separator: "\n").count == 1, "\(locked)")
        try held.close()
    }

    /// Somebody else creates the database while an import fills its own: it is told, and leaves nothing.
    @Test func anImportNoticesThatItIsLate() throws {
        let input = CreatingInput(database, lines: 200_000)
        let error = MemoryOutput()
        let status = CommandLineTool.run(
            arguments: ["import", database, "-", "--input-format", "tsv"], input: input,
            output: MemoryOutput(), error: error)
        #expect(
            status == .inputOutput && error.text.contains("Another program created"),
            "\(error.text)")
        #expect(input.line < 140_000, "\(input.line) lines were read")
        #expect(try folder.names() == ["my.db"])
        #expect(kvtools("list", database).text == "first\t1\n")
    }

    /// Many lines; while they are read, another command creates the database.
    private final class CreatingInput: ByteInput {
        private let database: String
        private let lines: Int
        private(set) var line = 0
        private var hasCreated = false

        init(_ database: String, lines: Int) {
            self.database = database
            self.lines = lines
        }

        func read(into buffer: inout [UInt8]) -> Int {
            if line > 20_000, !hasCreated {
                kvtools("put", database, "first", "1")
                hasCreated = true
            }
            var bytes: [UInt8] = []
            while line < lines, bytes.count < buffer.count - 40 {
                bytes += "key \(1_000_000 + line)\tv\n".utf8
                line += 1
            }
            buffer.replaceSubrange(0..<bytes.count, with: bytes)
            return bytes.count
        }
    }

    /// A second import into the same new database is refused before it does any work.
    @Test func anImportUnderWayIsSeen() throws {
        // Another living process's number; the lock says whether the file is in use.
        let draft = folder.file("my.db.\(getppid())-1.partial")
        let other = try FileDatabase.open(draft)
        let refused = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array("a\tb\n".utf8))
        #expect(refused.status == .locked && refused.error.contains("is creating this database"))
        try other.close()
        // What a killed one left is in nobody's way.
        let done = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array("a\tb\n".utf8))
        #expect(done.status == .success, "\(done.error)")
    }

    @Test func progressIsOnlyForTerminalsThatCanClearALine() throws {
        for clears in [true, false] {
            let error = MemoryOutput(isTerminal: true, clearsLines: clears)
            let session = Session(
                input: MemoryInput(), output: MemoryOutput(), error: error, isJSON: false)
            let progress = Progress("Working", in: session)
            progress.show(at: 256)
            #expect(error.text.contains("\u{1B}") == clears)
        }
    }

    /// An export is its user's alone, unless it takes the place of a file with other rights.
    @Test func anExportKeepsTheRightsOfTheFileBefore() throws {
        kvtools("put", database, "k", "v")
        func mode(_ name: String) throws -> Int? {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
            return attributes[.posixPermissions] as? Int
        }
        #expect(kvtools("export", database, folder.file("new")).status == .success)
        #expect(try mode("new") == 0o600)
        for rights in [0o644, 0o640, 0o400] as [mode_t] {
            let old = try folder.write([1], to: "old")
            #expect(unsafe chmod(old, rights) == 0)
            #expect(kvtools("export", database, old).status == .success)
            #expect(try mode("old") == Int(rights))
            #expect(unsafe chmod(old, 0o600) == 0)
        }
        // Through a link it is the file that the link leads to.
        #expect(unsafe chmod(folder.file("old"), 0o644) == 0)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("old"))
        #expect(kvtools("export", database, folder.file("link")).status == .success)
        #expect(try mode("old") == 0o644)
        #expect(try folder.read("old") == folder.read("new"))
    }

    @Test func packedByNameWhateverItsCase() throws {
        kvtools("put", database, "k", "v")
        for name in ["a.LZ4", "b.lz4", "c.tkdb.Lz4"] {
            let done = kvtools("export", database, folder.file(name))
            #expect(done.status == .success)
            #expect(LZ4FrameDecoder.recognises(try folder.read(name)))
        }
        #expect(
            kvtools("export", database, folder.file("d")).error.hasPrefix(
                "kvtools: Exported 1 entry in "))
        let twice = kvtools("export", database, folder.file("d"), "-o", folder.file("e"))
        #expect(twice.status == .usage)
    }
}
