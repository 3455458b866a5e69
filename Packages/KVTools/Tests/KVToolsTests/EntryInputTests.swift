import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

@Suite struct EntryInputTests {
    func entries(_ input: any EntryInput) throws(StorageError) -> [String] {
        var found: [String] = []
        while case .entry(let key, let value) = try input.next() {
            found.append(
                String(decoding: key, as: UTF8.self) + "="
                    + String(decoding: value, as: UTF8.self))
        }
        return found
    }

    func tsv(_ text: String, piece: Int = 5) throws(StorageError) -> [String] {
        try entries(
            TabSeparatedInput(
                PiecewiseInput(Array(text.utf8), piece: piece), keyFormat: .escaped,
                valueFormat: .escaped))
    }

    func ndjson(_ text: String, piece: Int = 5) throws(StorageError) -> [String] {
        try entries(JSONLinesInput(PiecewiseInput(Array(text.utf8), piece: piece)))
    }

    @Test func tabSeparatedText() throws {
        #expect(try tsv("") == [])
        #expect(try tsv("a\tb\n\nc\t\n\td\r\ne\t1\t2") == ["a=b", "c=", "=d", "e=1\t2"])
        #expect(try tsv(#"a\tb"# + "\t" + #"c\n\\\x41"# + "\n") == ["a\tb=c\n\\A"])
    }

    @Test func newlineDelimitedJSON() throws {
        #expect(
            try ndjson(
                """
                {"key":"a","value":"b"}

                 { "value_hex" : "6162" , "key_base64" : "YQ==", "other": [1, {"x": null}, "y", -1e5] }
                {"key":"\\u00e9\\ud83d\\ude42\\n\\/\\"","value_escaped":"\\\\x41"}
                """) == ["a=b", "a=ab", "é🙂\n/\"=A"])
    }

    @Test func aBadLineIsNamed() {
        func check(_ message: String, _ body: () throws(StorageError) -> Void) {
            do throws(StorageError) {
                try body()
                Issue.record("nothing thrown for \(message)")
            } catch {
                #expect(error.code == .invalidArgument)
                #expect(error.message.contains("Line 2"), "\(error.message)")
            }
        }
        check("tab") { () throws(StorageError) in _ = try tsv("a\tb\nno tab\n") }
        check("escape") { () throws(StorageError) in _ = try tsv("a\tb\n\\q\tb\n") }
        let bad = [
            "[]", "{", "{}", #"{"key":"a"}"#, #"{"key":"a","value":1}"#,
            #"{"key":"a","value":"b"} x"#,
            #"{"key":"a","value":"b","value_hex":""}"#, #"{"key_hex":"0","value":"b"}"#,
            #"{"key":"\ud800","value":"b"}"#, #"{"key":"\q","value":"b"}"#,
            #"{"key":"\u12","value":"b"}"#, #"{"key":"a,"value":"b"}"#, #"{"key" "a"}"#,
            #"{"key":"a","value":"b","x":01}"#, #"{"key":"a","value":"b","x":nul}"#,
            #"{"key":"a","value":"b","x":"# + String(repeating: "[", count: 100_000),
            "{\"key\":\"a\u{1}\",\"value\":\"\"}", "\u{0}",
        ]
        for line in bad {
            check(line) { () throws(StorageError) in
                _ = try ndjson("{\"key\":\"a\",\"value\":\"b\"}\n" + line, piece: 65_536)
            }
        }
    }

    @Test func textThatIsNotUTF8IsRefusedInJSON() {
        let line = Array(#"{"key":""#.utf8) + [0xFF] + Array(#"","value":""}"#.utf8)
        #expect(
            thrownCode { _ = try entries(JSONLinesInput(MemoryInput(line))) } == .invalidArgument)
    }

    @Test func keysBeyondTheLimitAreNamed() {
        let line = String(repeating: "k", count: 1025)
        #expect(thrownCode { _ = try tsv(line + "\tv") } == .keyTooLong)
        #expect(
            thrownCode { _ = try ndjson("{\"key\":\"\(line)\",\"value\":\"\"}") } == .keyTooLong)
    }

    @Test func randomLinesNeverTrap() {
        let seedText = Array(#"{"key":"\u00e9","value_hex":"6162","x":[1,{"y":null}]}"#.utf8)
        for seed in Seeds.first(1000) {
            var random = SeededRandom(seed: seed)
            var line = seedText
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                line[Int.random(in: 0..<line.count, using: &random)] = UInt8(
                    truncatingIfNeeded: random.next())
            }
            let cut = Array(line.prefix(Int.random(in: 0...line.count, using: &random)))
            _ = thrownCode { _ = try entries(JSONLinesInput(MemoryInput(cut))) }
        }
    }

    @Test func formatsAreRecognisedByTheirFirstBytes() {
        func code(_ bytes: [UInt8], _ name: String) -> StorageError.Code? {
            thrownCode {
                _ = try entries(
                    try ImportFormat.open(
                        MemoryInput(bytes), name: name, format: nil, keyFormat: nil,
                        valueFormat: nil))
            }
        }
        let export = Array("TKDB_EXP".utf8) + [1, 0, 0, 0]
        #expect(code(export, "x.tsv") == nil)
        #expect(code(Array(export.prefix(5)), "x") == .truncated)
        #expect(code([], "x") == .emptyFile)
        #expect(code([], "x.tsv") == nil)
        #expect(code(Array("a\tb".utf8), "x.tsv") == nil)
        #expect(code(Array("a\tb".utf8), "") == .notADatabase)
        #expect(code(Array("a\tb".utf8), "x.tkdb") == .notADatabase)
        #expect(code(LZ4FrameTests.golden, "x.lz4") == .notADatabase)
        #expect(code(LZ4FrameTests.golden, "x.tsv.lz4") == .invalidArgument)
    }
}
