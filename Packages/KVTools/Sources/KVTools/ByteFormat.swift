import ArgumentParser
import StorageIO

/// How keys and values, which are bytes, are written as text and read from it.
public enum ByteFormat: String, CaseIterable, Sendable, ExpressibleByArgument {
    /// The bytes as they are.
    case text
    /// Printable text as it is; `\n`, `\r`, `\t`, `\\`, and `\xHH` for every other byte.
    case escaped
    /// Two hexadecimal digits a byte.
    case hex
    /// Base64 (RFC 4648), with padding.
    case base64

    /// The bytes as text in this format. O(n). For long ones ``TextWriter`` needs no copy.
    public func encode(_ bytes: ByteView) -> [UInt8] {
        if self == .text { return bytes.array }
        let output = MemoryOutput()
        let writer = TextWriter(output)
        // Memory takes all bytes, so nothing is thrown.
        try? writer.write(bytes, as: self)
        try? writer.flush()
        return output.bytes
    }

    /// The bytes that a text in this format stands for. O(n).
    ///
    /// - Throws: `invalidArgument` when the text is not in the format.
    public func decode(_ text: [UInt8]) throws(StorageError) -> [UInt8] {
        switch self {
        case .text: text
        case .escaped: try Self.unescape(text)
        case .hex: try Self.unhex(text)
        case .base64: try Self.unbase64(text)
        }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func unhex(_ text: [UInt8]) throws(StorageError) -> [UInt8] {
        guard text.count % 2 == 0 else {
            throw StorageError(.invalidArgument, "Hexadecimal needs two digits for each byte.")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = digit(text[index]), let low = digit(text[index + 1]) else {
                throw StorageError(
                    .invalidArgument, "Not hexadecimal at byte \(index + 1); use 0-9 and a-f.")
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

// Escaped text.
extension ByteFormat {
    private static let backslash = UInt8(ascii: "\\")

    private static func unescape(_ text: [UInt8]) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let rest = text[index...]
            let stop = rest.firstIndex(of: backslash) ?? text.count
            bytes += rest[..<stop]
            if stop == text.count { break }
            index = stop + 1
            let kind = index < text.count ? text[index] : 0
            index += 1
            switch kind {
            case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
            case backslash: bytes.append(backslash)
            case UInt8(ascii: "x"):
                guard index + 1 < text.count, let high = digit(text[index]),
                    let low = digit(text[index + 1])
                else { throw badEscape(at: index - 2) }
                bytes.append(high << 4 | low)
                index += 2
            default: throw badEscape(at: index - 2)
            }
        }
        return bytes
    }

    private static func badEscape(at index: Int) -> StorageError {
        StorageError(
            .invalidArgument,
            "Unknown escape at byte \(index + 1); there are \\n, \\r, \\t, \\\\ and \\xHH."
        )
    }
}

// Base64.
extension ByteFormat {
    /// The value of each character, 255 for those outside the alphabet.
    private static let sextets: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in EscapeTable.alphabet.enumerated() {
            table[Int(character)] = UInt8(value)
        }
        return table
    }()

    private static func unbase64(_ text: [UInt8]) throws(StorageError) -> [UInt8] {
        var end = text.count
        if end % 4 == 0 {
            var padding = 0
            while padding < 2, end > 0, text[end - 1] == UInt8(ascii: "=") {
                end -= 1
                padding += 1
            }
        }
        guard end % 4 != 1 else {
            throw StorageError(.invalidArgument, "Not Base64: a character is missing at the end.")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(end / 4 * 3 + 2)
        var group: UInt32 = 0
        var bits: UInt32 = 0
        for index in 0..<end {
            let sextet = sextets[Int(text[index])]
            guard sextet < 64 else {
                throw StorageError(.invalidArgument, "Not Base64 at byte \(index + 1).")
            }
            group = (group << 6 | UInt32(sextet)) & 0xFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> bits))
            }
        }
        return bytes
    }
}
