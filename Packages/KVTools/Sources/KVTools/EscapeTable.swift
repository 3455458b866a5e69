/// What bytes become in the formats: up to eight bytes, the first one lowest, and how many count.
enum EscapeTable {
    /// A table with an entry for each byte, as words of which the highest byte is the length.
    struct Forms {
        private let words: [UInt64]

        fileprivate init(_ form: (UInt8) -> [UInt8]) {
            words = (UInt8.min...UInt8.max).map { byte in
                let bytes = form(byte)
                return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
                    | UInt64(bytes.count) << 56
            }
        }

        @inline(__always)
        subscript(byte: UInt8) -> (bytes: UInt64, length: Int) {
            let word = words[Int(byte)]
            return (word, Int(word >> 56))
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)
    static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Two hexadecimal digits, the higher one first.
    static let hex = Forms { byte in
        [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static let letters: [UInt8: UInt8] = [
        0x0A: UInt8(ascii: "n"), 0x0D: UInt8(ascii: "r"), 0x09: UInt8(ascii: "t"),
        UInt8(ascii: "\\"): UInt8(ascii: "\\"),
    ]

    /// ``ByteFormat/escaped``: for bytes that are not part of a printable character.
    static let escaped = Forms { byte in
        if let letter = letters[byte] { return [UInt8(ascii: "\\"), letter] }
        if 0x20..<0x7F ~= byte { return [byte] }
        return [
            UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)],
        ]
    }

    /// In a JSON string: the characters up to U+009F.
    static let quoted = Forms { byte in
        if byte == UInt8(ascii: "\"") { return Array("\\\"".utf8) }
        if let letter = letters[byte] { return [UInt8(ascii: "\\"), letter] }
        if 0x20..<0x7F ~= byte { return [byte] }
        return Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// U+2028 and U+2029 in a JSON string.
    ///
    /// - Parameter last: the last byte of their UTF-8.
    static func lineSeparator(_ last: UInt8) -> (bytes: UInt64, length: Int) {
        let text = Array("\\u202".utf8) + [digits[Int(last & 15)]]
        return (text.reversed().reduce(0) { $0 << 8 | UInt64($1) }, text.count)
    }
}
