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

    /// As `kvtools import` reads it without options.
    func plain(_ text: [UInt8], piece: Int = 5) throws(StorageError) -> [String] {
        try entries(
            TabSeparatedInput(
                PiecewiseInput(text, piece: piece), keyFormat: nil, valueFormat: nil))
    }

    /// What other programs write is text; only a line that says so is escaped.
    @Test func tabSeparatedTextOfOtherPrograms() throws {
        #expect(
            try plain(Array(#"path"#.utf8) + [9] + Array(#"C:\new\x41"#.utf8)) == [
                #"path=C:\new\x41"#
            ])
        #expect(try plain(Array("a\\tb\tc\\q\n".utf8)) == ["a\\tb=c\\q"])
        #expect(try plain(Array("a\\x41\tb\\n\t\\escaped\nc\td\\n".utf8)) == ["aA=b\n", "c=d\\n"])
        #expect(try plain(Array("\\x41\t\t\\escaped".utf8)) == ["A="])
        // One tab is the one that separates, whatever follows.
        #expect(try plain(Array("a\t\\escaped\n".utf8)) == ["a=\\escaped"])
        // The text format keeps the bytes as they are.
        #expect(
            try entries(
                TabSeparatedInput(
                    MemoryInput(Array("a\tb\\n\t\\escaped".utf8)), keyFormat: .text,
                    valueFormat: .text))
                == ["a=b\\n\t\\escaped"])
        #expect(try tsv("a\tb\\n\t\\escaped\nc\td\n") == ["a=b\n", "c=d"])
        // A line ends with LF or CR LF.
        #expect(try plain(Array("a\tb\r\r\nc\td\r\n".utf8)) == ["a=b\r", "c=d"])
    }

    @Test(arguments: [1, 2, 3, 5, 100]) func aByteOrderMarkIsPassedOver(piece: Int) throws {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        #expect(try plain(mark + Array("a\tb\n".utf8), piece: piece) == ["a=b"])
        #expect(try plain(mark, piece: piece) == [])
        // Only at the start, and only a whole one.
        #expect(
            try plain(Array("a\tb\n".utf8) + mark + Array("c\td".utf8)) == ["a=b", "\u{FEFF}c=d"])
        #expect(try plain([0xEF, 0xBB] + Array("\tb".utf8), piece: piece).count == 1)
        let json = mark + Array(#"{"key":"a","value":"b"}"#.utf8)
        #expect(try entries(JSONLinesInput(PiecewiseInput(json, piece: piece))) == ["a=b"])
        for (head, name) in [
            ([0xFF, 0xFE, 0x61, 0], "UTF-16"), ([0xFE, 0xFF, 0, 0x61], "UTF-16"),
            ([0xFF, 0xFE, 0, 0], "UTF-32"), ([0, 0, 0xFE, 0xFF], "UTF-32"),
            ([0xFF, 0xFE], "UTF-16"),
        ] as [([UInt8], String)] {
            let refused = #expect(throws: StorageError.self) { try plain(head, piece: piece) }
            #expect(refused?.code == .invalidArgument)
            #expect(refused?.message.contains(name) == true, "\(String(describing: refused))")
        }
    }

    /// The grammar allows what no UTF-8 can hold; it matters only where it would be kept.
    @Test func halfACharacterIsPassedOverWithItsMember() throws {
        for other in [
            #""x":"\ud800""#, #""x":["\udc00\ud800"]"#, #""\ud800":1"#,
            #""x":"\ud800\n\ud83d\ude42""#,
        ] {
            #expect(try ndjson(#"{"key":"k","value":"v",\#(other)}"#) == ["k=v"], "\(other)")
        }
        for pair in [
            (#""\ud800""#, #""v""#), (#""k""#, #""\udc00\ud800""#), (#""\ud800\ud800""#, #""v""#),
            (#""\ud800\n""#, #""v""#), (#""\ud800a""#, #""v""#),
        ] {
            let refused = #expect(throws: StorageError.self) {
                try ndjson(#"{"key":\#(pair.0),"value":\#(pair.1)}"#)
            }
            #expect(refused?.message.contains("half a character") == true, "\(pair)")
        }
        // Two escapes that are one character, a first half before it.
        #expect(throws: StorageError.self) {
            try ndjson(#"{"key":"\ud800\ud83d\ude42","value":""}"#)
        }
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

    /// Text may begin with any bytes; only a whole header is an LZ4 frame where text is expected.
    @Test func textThatBeginsLikeAFrame() throws {
        func read(
            _ bytes: [UInt8], _ name: String, _ format: ImportFormat?
        ) throws(StorageError) -> Int {
            try entries(
                try ImportFormat.open(
                    MemoryInput(bytes), name: name, format: format, keyFormat: nil,
                    valueFormat: nil)
            ).count
        }
        for magic in [[0x04, 0x22, 0x4D, 0x18], [0x02, 0x21, 0x4C, 0x18]] as [[UInt8]] {
            let text = magic + Array("key\tvalue of some length\n".utf8)
            #expect(try read(text, "x.tsv", .tsv) == 1)
            #expect(thrownCode { _ = try read(text, "x.tsv.lz4", .tsv) } != nil)
            #expect(thrownCode { _ = try read(text, "x", nil) } != nil)
        }
        let legacy = #expect(throws: StorageError.self) {
            try read([0x02, 0x21, 0x4C, 0x18, 1, 2, 3], "x.lz4", nil)
        }
        #expect(legacy?.code == .notADatabase && legacy?.message.contains("lz4 -l") == true)
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
        // A key may begin like an export, but no text has zeros where its version is.
        #expect(code(Array("TKDB_EXPORT_DIR\tb\n".utf8), "x.tsv") == nil)
        #expect(code(Array("TKDB_EXP\tb\n".utf8), "x.tsv") == nil)
        #expect(code(Array("TKDB_EXPORT_DIR\tb\n".utf8), "x") == .unsupportedFormat)
        #expect(code(LZ4FrameTests.golden, "x.lz4") == .notADatabase)
        #expect(code(LZ4FrameTests.golden, "x.tsv.lz4") == .invalidArgument)
    }
}
