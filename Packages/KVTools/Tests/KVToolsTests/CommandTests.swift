import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Whole commands, run in this process on real files.
@Suite struct CommandTests {
    let folder: TemporaryDirectory
    let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
    }

    @Test func putGetDelete() {
        #expect(kvtools("put", database, "k", "v").status == .success)
        #expect(kvtools(database, "get", "k").text == "v")
        #expect(kvtools("get", database, "k", terminal: true).text == "v\n")
        #expect(kvtools(database, "delete", "k").status == .success)
        #expect(kvtools("delete", database, "k").status == .notFound)
        let missing = kvtools("get", database, "k")
        #expect(missing.status == .notFound && missing.output.isEmpty)
    }

    @Test func verbFirstAndDatabaseFirstAreTheSame() {
        kvtools("put", database, "k", "v")
        for verb in ["list", "stats", "inspect", "verify"] {
            for extra in [[], ["--json"]] {
                let output = (MemoryOutput(), MemoryOutput())
                let arguments = ([verb, database] + extra, [database, verb] + extra)
                let first = CommandLineTool.run(
                    arguments: arguments.0, input: MemoryInput(), output: output.0,
                    error: MemoryOutput())
                let second = CommandLineTool.run(
                    arguments: arguments.1, input: MemoryInput(), output: output.1,
                    error: MemoryOutput())
                #expect(first == .success && second == .success, "\(verb)")
                #expect(output.0.text == output.1.text && !output.0.bytes.isEmpty, "\(verb)")
            }
        }
    }

    @Test func aDatabaseMayBeCalledLikeAVerb() {
        let path = folder.file("put")
        #expect(kvtools("put", path, "k", "v").status == .success)
        #expect(kvtools(path, "get", "k").text == "v")
    }

    @Test func everyByteGoesInAndOut() {
        let all = (0...255).map { UInt8($0) }
        let hex = String(
            decoding: withByteView(of: all) { ByteFormat.hex.encode($0) }, as: UTF8.self)
        #expect(
            kvtools("put", database, hex, "-", "--key-format", "hex", input: all).status == .success
        )
        #expect(kvtools("get", database, hex, "--key-format", "hex").output == all)
        for format in ByteFormat.allCases where format != .text {
            let text = kvtools(
                "get", database, hex, "--key-format", "hex", "--value-format", format.rawValue)
            #expect(text.output.last == UInt8(ascii: "\n"))
            let put = kvtools(
                "put", database, "copy", "-", "--value-format", format.rawValue, input: text.output)
            #expect(put.status == .success, "\(format)")
            #expect(kvtools("get", database, "copy").output == all, "\(format)")
        }
    }

    @Test func emptyKeysAndValues() {
        #expect(kvtools("put", database, "", "").status == .success)
        let get = kvtools("get", database, "")
        #expect(get.status == .success && get.output.isEmpty)
        #expect(kvtools("list", database).text == "\t\n")
    }

    @Test func keysThatLookLikeOptions() {
        #expect(kvtools("put", database, "--", "-k", "-v").status == .success)
        #expect(kvtools(database, "get", "--", "-k").text == "-v")
    }

    @Test func listBounds() {
        for key in ["a", "ab", "abc", "b", "ba", "c"] { kvtools("put", database, key, key) }
        func keys(_ arguments: String...) -> String {
            let output = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: ["list", database, "--keys-only"] + arguments, input: MemoryInput(),
                output: output, error: MemoryOutput())
            #expect(status == .success)
            return output.text.split(separator: "\n").joined(separator: " ")
        }
        #expect(keys() == "a ab abc b ba c")
        #expect(keys("--reverse") == "c ba b abc ab a")
        #expect(keys("--prefix", "ab") == "ab abc")
        #expect(keys("--prefix", "ab", "--reverse") == "abc ab")
        #expect(keys("--from", "ab", "--to", "ba") == "ab abc b")
        #expect(keys("--prefix", "a", "--from", "ab", "--to", "abc") == "ab")
        #expect(keys("--limit", "2") == "a ab")
        #expect(keys("--limit", "2", "--reverse") == "c ba")
        #expect(keys("--limit", "0") == "")
        #expect(keys("--from", "b", "--to", "a") == "")
        #expect(keys("--prefix", "62", "--key-format", "hex") == "62 6261")
    }

    @Test func jsonObjectsAreStable() {
        #expect(
            kvtools("put", database, "k", "v", "--json").text
                == #"{"key":"k","value_bytes":1,"stored":true}"# + "\n")
        #expect(
            kvtools("get", database, "k", "--json").text
                == #"{"key":"k","found":true,"value":"v"}"# + "\n")
        #expect(
            kvtools("get", database, "x", "--json").text == #"{"key":"x","found":false}"# + "\n")
        kvtools("put", database, "ff", "00", "--key-format", "hex", "--value-format", "hex")
        #expect(
            kvtools("list", database, "--json").text == """
                {"key":"k","value":"v"}
                {"key_base64":"/w==","value":"\\u0000"}

                """)
        #expect(
            kvtools("list", database, "--json", "--key-format", "hex", "--limit", "1").text
                == #"{"key_hex":"6b","value":"v"}"# + "\n")
        #expect(
            kvtools("delete", database, "k", "--json").text == #"{"key":"k","deleted":true}"# + "\n"
        )
        let error = kvtools("get", folder.file("none"), "k", "--json").error
        #expect(error.hasPrefix(#"{"error":{"code":"fileNotFound","exit_status":5,"message":"#))
    }

    @Test(arguments: ["tsv", "ndjson"])
    func whatListPrintsCanBeImported(format: String) {
        var random = SeededRandom(seed: 11)
        for _ in 0..<20 {
            let key = random.bytes(0...8)
            let hex = String(
                decoding: withByteView(of: key) { ByteFormat.hex.encode($0) }, as: UTF8.self)
            kvtools(
                "put", database, hex, "-", "--key-format", "hex", input: random.bytes(0...20))
        }
        let json = format == "ndjson"
        let text = json ? kvtools("list", database, "--json") : kvtools("list", database)
        let copy = folder.file("copy.db")
        let done = kvtools("import", copy, "-", "--input-format", format, input: text.output)
        #expect(done.status == .success, "\(done.error)")
        let again = json ? kvtools("list", copy, "--json") : kvtools("list", copy)
        #expect(again.output == text.output)
    }

    @Test(arguments: ["tkdb1", "tkdb2"], [false, true])
    func exportAndImport(format: String, packs: Bool) throws {
        for key in ["a", "b", "c"] { kvtools("put", database, key, "value of \(key)") }
        let file = folder.file(packs ? "x.tkdb.lz4" : "x.tkdb")
        let exported = kvtools("export", database, "--format", format, "--output", file)
        #expect(exported.status == .success, "\(exported.error)")
        let copy = folder.file("copy.db")
        #expect(kvtools("import", copy, file).status == .success)
        #expect(kvtools("list", copy).text == kvtools("list", database).text)

        let piped =
            packs
            ? kvtools("export", database, "--format", format, "--lz4")
            : kvtools("export", database, "--format", format)
        #expect(piped.output == (try folder.read(packs ? "x.tkdb.lz4" : "x.tkdb")))
        #expect(kvtools("import", copy, "-", "--replace", input: piped.output).status == .success)
    }

    @Test func namedTablesTravelWithTheExport() throws {
        kvtools("put", database, "k", "default")
        kvtools("put", database, "k", "named", "--table", "t")
        #expect(kvtools("get", database, "k", "--table", "t").text == "named")
        #expect(kvtools("list", database, "--table", "none").status == .notFound)
        #expect(kvtools("export", database, "--format", "tkdb1").status == .usage)
        let copy = folder.file("copy.db")
        let export = kvtools("export", database).output
        #expect(kvtools("import", copy, "-", input: export).status == .success)
        #expect(kvtools("list", copy).text == "k\tdefault\n")
        #expect(kvtools("list", copy, "--table", "t").text == "k\tnamed\n")
        #expect(kvtools("delete", copy, "k").status == .success)
        // A database with nothing but a named table is not an empty one.
        #expect(kvtools("import", copy, "-", input: export).status == .usage)
        #expect(kvtools("import", copy, "-", "--replace", input: export).status == .success)
    }

    @Test func importNeedsToBeToldAboutEntriesThatAreThere() {
        kvtools("put", database, "old", "1")
        let new = Array("new\t2\n".utf8)
        let refused = kvtools("import", database, "-", "--input-format", "tsv", input: new)
        #expect(refused.status == .usage && refused.error.contains("--merge"))
        #expect(kvtools("list", database).text == "old\t1\n")
        kvtools("import", database, "-", "--input-format", "tsv", "--merge", input: new)
        #expect(kvtools("list", database).text == "new\t2\nold\t1\n")
        kvtools("import", database, "-", "--input-format", "tsv", "--replace", input: new)
        #expect(kvtools("list", database).text == "new\t2\n")
    }

    @Test func aBadImportChangesNothing() {
        kvtools("put", database, "old", "1")
        let bad = Array("new\t2\nno tab\n".utf8)
        for mode in ["--merge", "--replace"] {
            let refused = kvtools(
                "import", database, "-", "--input-format", "tsv", mode, input: bad)
            #expect(refused.status == .usage && refused.error.contains("Line 2"))
            #expect(kvtools("list", database).text == "old\t1\n")
        }
    }

    @Test func aBadImportLeavesNoDatabaseBehind() throws {
        let bad = Array("new\t2\nno tab\n".utf8)
        #expect(
            kvtools("import", database, "-", "--input-format", "tsv", input: bad).status == .usage)
        #expect(try folder.names() == [])
    }

    @Test func anExportThatFailsLeavesNothingHalfThere() throws {
        kvtools("put", database, "k", "v")
        _ = try folder.write([1, 2, 3], to: "kept.tkdb")
        let names = try folder.names()
        do {
            let file = try OutputFile(path: folder.file("kept.tkdb"), on: POSIXFileSystem())
            try file.write([4, 5, 6])
        }
        #expect(try folder.names() == names)
        #expect(try folder.read("kept.tkdb") == [1, 2, 3])
        #expect(kvtools("export", database, "-o", folder.file("kept.tkdb")).status == .success)
        #expect(try folder.names() == names)
        #expect(try folder.read("kept.tkdb").count > 24)
    }

    @Test func anExportNeverReplacesItsDatabase() throws {
        kvtools("put", database, "k", "v")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: database)
        for path in [database, folder.file("link"), folder.path + "/./my.db"] {
            #expect(kvtools("export", database, "-o", path).status == .usage)
        }
        #expect(kvtools("get", database, "k").text == "v")
    }

    @Test func anExportIsNotForATerminal() {
        kvtools("put", database, "k", "v")
        #expect(kvtools("export", database, terminal: true).status == .usage)
    }

    @Test func verbsThatReadDoNotCreate() throws {
        for verb in ["list", "stats", "inspect", "verify", "compact", "export"] {
            #expect(kvtools(verb, database).status == .inputOutput, "\(verb)")
        }
        #expect(kvtools("get", database, "k").status == .inputOutput)
        #expect(kvtools("delete", database, "k").status == .inputOutput)
        #expect(try folder.names() == [])
    }

    @Test func compactAndVerifyReport() {
        for index in 0..<50 { kvtools("put", database, "key \(index)", "value") }
        #expect(kvtools("compact", database).status == .success)
        #expect(kvtools("verify", database).text.contains("No damage found."))
        #expect(kvtools("verify", database, "--json").text.hasPrefix(#"{"ok":true,"problems":[]"#))
        #expect(kvtools("stats", database, "--json").text.contains(#""entries":50"#))
    }

    @Test func helpGoesToStandardOutput() {
        for arguments in [
            ["--help"], ["help"], ["put", "--help"], ["help", "list"], ["--version"],
        ] {
            let (output, error) = (MemoryOutput(), MemoryOutput())
            let status = CommandLineTool.run(
                arguments: arguments, input: MemoryInput(), output: output, error: error)
            #expect(status == .success && !output.bytes.isEmpty && error.bytes.isEmpty)
        }
    }
}
