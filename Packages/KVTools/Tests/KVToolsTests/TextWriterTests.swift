import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Long values as text, held against the plainest way to write each form.
@Suite struct TextWriterTests {
    /// How a character beyond ASCII that may be printed begins at `index`; how long it is.
    private static func printable(_ bytes: [UInt8], at index: Int) -> Int? {
        for length in 2...4 where index + length <= bytes.count {
            let part = bytes[index..<index + length]
            guard let text = String(validating: part, as: UTF8.self),
                text.unicodeScalars.count == 1,
                let scalar = text.unicodeScalars.first
            else { continue }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
                .paragraphSeparator:
                return nil
            default: return length
            }
        }
        return nil
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x0A: text += Array("\\n".utf8)
            case 0x0D: text += Array("\\r".utf8)
            case 0x09: text += Array("\\t".utf8)
            case 0x5C: text += Array("\\\\".utf8)
            case 0x20..<0x7F: text.append(byte)
            default:
                if let length = byte < 0x80 ? nil : printable(bytes, at: index) {
                    text += bytes[index..<index + length]
                    index += length - 1
                } else {
                    let digits = String(byte, radix: 16)
                    text += Array("\\x\(digits.count == 1 ? "0" : "")\(digits)".utf8)
                }
            }
            index += 1
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func write(
        _ body: (TextWriter) throws(StorageError) -> Void
    ) throws(StorageError) -> String {
        let output = MemoryOutput()
        let writer = TextWriter(output)
        try body(writer)
        try writer.flush()
        return output.text
    }

    /// Bytes of several kinds: plain text, text of other scripts, whole and cut, controls, noise.
    private func sample(_ random: inout SeededRandom, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        let words = [
            "plain text, 7 bits ", "é漢字🙂", "\u{85}\u{202E}\u{2028}\u{FEFF}",
            "\"\\\n\r\t\u{0}\u{7F}",
        ].map { Array($0.utf8) }
        while bytes.count < count {
            switch random.number(in: 0...5) {
            case 0: bytes += random.bytes(0...9)
            case 1: bytes += words[random.number(in: 0...3)].dropLast()
            case let kind: bytes += words[kind - 2]
            }
        }
        return Array(bytes.prefix(count))
    }

    @Test(arguments: [1, 7, 8, 9, 100, 8189, 8190, 8191, 8194, 40_000, 200_000])
    func longBytesAreEscaped(count: Int) throws {
        for seed in Seeds.first(count > 10_000 ? 2 : 10) {
            var random = SeededRandom(seed: seed)
            let bytes = sample(&random, count)
            let text = try withByteView(of: bytes) { view throws(StorageError) in
                try write { writer throws(StorageError) in try writer.write(view, as: .escaped) }
            }
            // Not the texts themselves, which are long.
            let isRight = text == Self.escaped(bytes)
            #expect(isRight, "\(Seeds.again(seed))")
            let isSame = try ByteFormat.escaped.decode(Array(text.utf8)) == bytes
            #expect(isSame, "\(Seeds.again(seed))")
            for format in [ByteFormat.hex, .base64] {
                let other = try withByteView(of: bytes) { view throws(StorageError) in
                    try write { writer throws(StorageError) in try writer.write(view, as: format) }
                }
                let isBack = try format.decode(Array(other.utf8)) == bytes
                #expect(isBack, "\(format). \(Seeds.again(seed))")
            }
        }
    }

    /// Each byte, and each way a character may be cut or be illegal, at every place of the blocks that are
    /// looked at together, among bytes that are copied and bytes that aren't.
    @Test(arguments: ["a", "\u{1}", "é"]) func everyByteAtEveryPlace(filler: String) throws {
        var parts = (UInt8.min...UInt8.max).map { [$0] }
        parts += [
            [0xC2], [0xC2, 0x80], [0xC2, 0x9F], [0xC2, 0xA0], [0xC1, 0xBF], [0xE2, 0x80],
            [0xE2, 0x80, 0xA7], [0xE2, 0x80, 0xA8], [0xE2, 0x80, 0xA9], [0xE2, 0x80, 0xAA],
            [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x99, 0x82], [0xF0, 0x9F, 0x99],
            [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
        ]
        let around = Array(repeatElement(Array(filler.utf8), count: 20).joined())
        for part in parts {
            for place in 0...16 {
                for rest in part.count == 1 ? [17] : [0, 1, 3, 17] {
                    try expectAsInReference(around.prefix(place) + part + around.prefix(rest))
                }
            }
        }
    }

    /// Characters that the end of a piece would cut in two.
    @Test func charactersAtTheEndOfAPiece() throws {
        for part in ["é", "漢", "🙂", "\u{85}", "\u{2028}", "\n", "\u{0}"].map({ Array($0.utf8) }) {
            for place in 8180...8195 {
                let before = [UInt8](repeating: 0x61, count: place)
                for length in 1...part.count {
                    try expectAsInReference(before + part.prefix(length) + [0x61, 0x80, 0x62])
                    try expectAsInReference(before + part.prefix(length) + part + part)
                }
            }
        }
    }

    private func expectAsInReference(_ bytes: [UInt8]) throws {
        let text = String(validating: bytes, as: UTF8.self)
        let reference = Self.escaped(bytes)
        try withByteView(of: bytes) { view throws(StorageError) in
            let isSeen = view.isUTF8 == (text != nil)
            let escaped = try write { writer throws(StorageError) in
                try writer.write(view, as: .escaped)
                let isChanged = !reference.utf8.elementsEqual(bytes)
                let isCounted = (writer.escapeCount > 0) == isChanged
                #expect(isCounted, "\(bytes)")
            }
            let isRight = escaped == reference
            #expect(isSeen && isRight, "\(bytes)")
            guard let text else { return }
            let member = try write { writer throws(StorageError) in
                try writer.writeMember("k", view, nil)
            }
            let isMember = "{\(member)}" == JSONValue.object([("k", .string(text))]).text
            #expect(isMember, "\(bytes)")
        }
    }

    /// Every character, at every place of a word, is in JSON what the value's own form says, and comes
    /// back.
    @Test func everyCharacterInJSON() throws {
        var text = ""
        for value in 0..<0x11_0000 as Range<UInt32> {
            guard value < 0x3000 || value % 97 == 0, let scalar = Unicode.Scalar(value) else {
                continue
            }
            text.unicodeScalars.append(scalar)
            if value % 5 == 0 { text += "x" }
        }
        let bytes = Array(text.utf8)
        let line = try withByteView(of: bytes) { view throws(StorageError) in
            #expect(view.isUTF8)
            return try write { writer throws(StorageError) in
                try writer.write("{")
                try writer.writeMember("value", view, nil)
                try writer.write("}")
            }
        }
        let isRight = line == JSONValue.object([("value", .string(text))]).text
        #expect(isRight)
        let members = try JSONLine.parse(Array(line.utf8))
        let isBack = members.first?.text?.bytes == bytes
        #expect(isBack)
    }

    /// JSON has text where the bytes are that, wherever they aren't.
    @Test(arguments: [0, 1, 7, 8, 4095, 4096, 5000, 8190, 20_000])
    func bytesThatAreNoTextAreSeen(place: Int) throws {
        let text = Array(repeatElement(Array("é".utf8), count: 10_002).joined())
        #expect(withByteView(of: text) { $0.isUTF8 })
        var broken = text
        broken[place] = place % 2 == 0 ? 0x80 : 0x20
        #expect(!withByteView(of: broken) { $0.isUTF8 })
        #expect(!text.dropLast().withContiguous { $0.isUTF8 })
        let member = try withByteView(of: broken) { view throws(StorageError) in
            try write { writer throws(StorageError) in try writer.writeMember("v", view, nil) }
        }
        #expect(member.hasPrefix(#""v_base64":""#))
    }

    @Test(arguments: ByteFormat.allCases) func membersAreThoseOfTheObject(format: ByteFormat) throws
    {
        var random = SeededRandom(seed: 5)
        for count in [0, 1, 30, 9000] {
            let bytes = sample(&random, count)
            try withByteView(of: bytes) { view throws(StorageError) in
                let member = try write { writer throws(StorageError) in
                    try writer.writeMember("k", view, format)
                }
                let (name, value) = JSONValue.member("k", view, format)
                let isRight = "{\(member)}" == JSONValue.object([(name, value)]).text
                #expect(isRight, "\(count) bytes")
            }
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func withContiguous<Result>(_ body: (ByteView) -> Result) -> Result {
        withByteView(of: Array(self), body)
    }
}
