import StorageIO

/// One JSON object (RFC 8259) on one line, as far as an import needs it: strings are kept as UTF-8,
/// every other value is checked and passed over.
struct JSONLine {
    /// A member of the object.
    struct Member {
        var name: String
        /// The value when it is a string.
        var text: Text?
    }

    /// A string's content.
    struct Text {
        /// UTF-8.
        var bytes: [UInt8] = []
        /// False when an escape names a surrogate without its other half, which the grammar allows and
        /// no UTF-8 can hold; U+FFFD stands for it.
        var isWhole = true
    }

    /// The members of the object that is the whole line.
    ///
    /// - Throws: `invalidArgument` when it is not one.
    static func parse(_ line: [UInt8]) throws(StorageError) -> [Member] {
        var parser = JSONLine(bytes: line)
        let members = try parser.object(depth: 0)
        parser.skipSpace()
        guard parser.position == line.count else { throw parser.error("text follows the object") }
        return members
    }

    private let bytes: [UInt8]
    private var position = 0

    /// How deep values may nest, so that no input can use up the stack.
    private static let maximumDepth = 64

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func error(_ what: String) -> StorageError {
        StorageError(.invalidArgument, "No JSON object: \(what) at byte \(position + 1).")
    }

    private var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipSpace() {
        while [0x20, 0x09, 0x0A, 0x0D].contains(current) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func object(depth: Int) throws(StorageError) -> [Member] {
        guard take("{") else { throw error("{ is missing") }
        var members: [Member] = []
        if take("}") { return members }
        repeat {
            skipSpace()
            let name = try string()
            guard take(":") else { throw error(": is missing") }
            members.append(
                Member(
                    name: String(decoding: name.bytes, as: UTF8.self),
                    text: try value(depth: depth)))
        } while take(",")
        guard take("}") else { throw error("} is missing") }
        return members
    }

    /// Reads a value; returns it when it is a string.
    private mutating func value(depth: Int) throws(StorageError) -> Text? {
        guard depth < Self.maximumDepth else { throw error("too many levels") }
        skipSpace()
        switch current {
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "{"): _ = try object(depth: depth + 1)
        case UInt8(ascii: "["):
            position += 1
            if take("]") { return nil }
            repeat { _ = try value(depth: depth + 1) } while take(",")
            guard take("]") else { throw error("] is missing") }
        default: try literal()
        }
        return nil
    }

    /// Reads a number, `true`, `false` or `null`.
    private mutating func literal() throws(StorageError) {
        let start = position
        while position < bytes.count,
            !([0x20, 0x09, 0x0D] + Array(",]}".utf8)).contains(bytes[position])
        { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        if ["true", "false", "null"].contains(word) { return }
        guard word.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil else {
            position = start
            throw error("an unknown value")
        }
    }

    private mutating func string() throws(StorageError) -> Text {
        guard current == UInt8(ascii: "\"") else { throw error("\" is missing") }
        position += 1
        var text = Text()
        while position < bytes.count {
            let start = position
            while position < bytes.count, !Self.endsRun(bytes[position]) { position += 1 }
            text.bytes += bytes[start..<position]
            guard position < bytes.count else { break }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                guard withByteView(of: text.bytes, { $0.isUTF8 }) else {
                    throw error("text that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                if let scalar = try escape() {
                    text.bytes += String(scalar).utf8
                } else {
                    text.bytes += "\u{FFFD}".utf8
                    text.isWhole = false
                }
            default: throw error("a control character in a string")
            }
        }
        throw error("an open string")
    }

    @inline(__always)
    private static func endsRun(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20
    }

    /// Reads what follows a backslash; nil for half a character.
    private mutating func escape() throws(StorageError) -> Unicode.Scalar? {
        let kind = current
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let code = try unit()
            // A character beyond 16 bits is a pair of surrogates (RFC 8259, section 7).
            guard 0xD800..<0xDC00 ~= code,
                bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")])
            else {
                return Unicode.Scalar(code)
            }
            let start = position
            position += 2
            let low = try unit()
            guard 0xDC00..<0xE000 ~= low else {
                // The second escape stands for itself.
                position = start
                return nil
            }
            return Unicode.Scalar(0x10000 + (code - 0xD800) << 10 + (low - 0xDC00))
        default: throw error("an unknown escape")
        }
    }

    /// Reads four hexadecimal digits.
    private mutating func unit() throws(StorageError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(current)).hexDigitValue, current < 0x80
            else {
                throw error("no hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
