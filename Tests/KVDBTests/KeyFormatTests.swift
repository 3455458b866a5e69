@_spi(Engine) import DatabaseTesting
import Foundation
import StorageIO
import Testing

@_spi(Engine) @testable import KVDB

/// `Docs/KeyFormat.md` against the code: each example of the page is made here, and the other way round.
@Suite struct KeyFormatTests {
    /// The rows of the table on the page whose first heading is `heading`.
    private static func rows(_ heading: String) throws -> [[String]] {
        let page = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Docs/KeyFormat.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let examples = try #require(text.range(of: "\n## Examples\n"))
        let lines = text[examples.upperBound...].split(
            separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| \(heading) |") })
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.dropFirst().dropLast().components(separatedBy: "|").map { cell in
                cell.trimmingCharacters(in: .whitespaces.union(CharacterSet(charactersIn: "`")))
            }
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }

    /// Ranges of keys of one type, which gives literals their types as a table does.
    private struct RangeOf<Key: OrderedKey> {
        func bytes(_ range: KeyInterval<Key>) -> KeyRange { range.keyRange }
        func bytes(_ range: some KeyRangeExpression<Key>) -> KeyRange { range.keyRange }
    }

    private static func part(_ key: some OrderedKey) -> [UInt8] { key.keyBytes(of: .part) }

    private static func bytes(_ value: some StoredValue) throws -> [UInt8] {
        try value.withStoredBytes { bytes in [UInt8](keyBytes: bytes) }
    }

    @Test func theKeysOnThePageAreThoseOfTheCode() throws {
        var made: [[String]] = []
        func add(_ name: String, _ key: some OrderedKey) {
            made.append([name, Self.hexadecimal(Self.part(key))])
        }
        add("true", true)
        add("UInt8(200)", UInt8(200))
        add("UInt16(258)", UInt16(258))
        add("UInt32(1)", UInt32(1))
        add("UInt64(258)", UInt64(258))
        add("Int8(-1)", Int8(-1))
        add("Int32(-2)", Int32(-2))
        add("Int(5)", Int(5))
        add("Double(1)", Double(1))
        add("Double(-1)", Double(-1))
        add("Double(-0.0)", Double(-0.0))
        add("Float.infinity", Float.infinity)
        add(#""""#, "")
        add(#""apple""#, "apple")
        add(#""a\0b""#, "a\0b")
        add(#""é""#, "é")
        add("[0, 1, 2, 255]", [0, 1, 2, 255] as [UInt8])
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            add("InlineArray [0, 1, 2]", [0, 1, 2] as InlineArray<3, UInt8>)
        }
        add("Optional<UInt8>.none", UInt8?.none)
        add("Optional<UInt8>(5)", UInt8?(5))
        add("Descending(UInt16(1))", Descending(UInt16(1)))
        add(#"Descending("a\0")"#, Descending("a\0"))
        add(#"Keys("ab", UInt16(7))"#, Keys("ab", UInt16(7)))
        add(#"Keys(Descending("a"), "b")"#, Keys(Descending("a"), "b"))
        add("Keys(Optional<String>.none, true)", Keys(String?.none, true))
        #expect(try Self.rows("key") == made)

        made = []
        func addWhole(_ name: String, _ key: some OrderedKey) {
            made.append([name, Self.hexadecimal(key.keyBytes(of: .whole))])
        }
        addWhole(#""a\0b""#, "a\0b")
        addWhole("[0, 1, 2, 255]", [0, 1, 2, 255] as [UInt8])
        addWhole(#"Keys("ab", UInt16(7))"#, Keys("ab", UInt16(7)))
        #expect(try Self.rows("whole key") == made)
    }

    @Test func theRangesOnThePageAreThoseOfTheCode() throws {
        var made: [[String]] = []
        func add(_ name: String, _ range: KeyRange) {
            let bounds = [range.lowerBound, range.upperBound]
            made.append([name] + bounds.map { Self.hexadecimal($0 ?? []) })
        }
        add("UInt16(1)..<UInt16(5)", RangeOf<UInt16>().bytes(1..<5))
        add("UInt16(1)...UInt16(5)", RangeOf<UInt16>().bytes(1...5))
        add(#""a"..."b""#, RangeOf<String>().bytes("a"..."b"))
        add(#".prefix("ab") of String"#, RangeOf<String>().bytes(.prefix("ab")))
        add(
            #".prefix("ab") of Keys<String, UInt8>"#,
            RangeOf<Keys<String, UInt8>>().bytes(.prefix("ab")))
        let two = RangeOf<Keys<UInt8, UInt8>>()
        add(".prefix(UInt8(255)) of Keys<UInt8, UInt8>", two.bytes(.prefix(255)))
        add(
            #".prefix(UInt8(7), startingWith: "a\0")"#,
            RangeOf<Keys<UInt8, String, Bool>>().bytes(.prefix(7, startingWith: "a\0")))
        add(
            ".prefix(UInt8(7), in: 3...4)",
            two.bytes(.prefix(7, in: 3...4)))
        add(".prefix(UInt8(7), in: UInt8(3)...)", two.bytes(.prefix(7, in: 3...)))
        #expect(try Self.rows("range") == made)
    }

    @Test func theValuesOnThePageAreThoseOfTheCode() throws {
        var made: [[String]] = []
        func add(_ name: String, _ value: some StoredValue) throws {
            made.append([name, Self.hexadecimal(try Self.bytes(value))])
        }
        try add("UInt32(258)", UInt32(258))
        try add("Int(-2)", Int(-2))
        try add("Double(1)", Double(1))
        try add("true", true)
        try add(#""é""#, "é")
        try add("NoValue()", NoValue())
        #expect(try Self.rows("value") == made)
    }
}
