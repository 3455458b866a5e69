import KVDB
import StorageIO

/// Lines of JSON objects with `key` and `value`, or `key_hex`, `value_base64` and the like.
final class JSONLinesInput: EntryInput {
    private let lines: LineReader

    init(_ input: any ByteInput, limits: EntryLimits = .database) {
        lines = LineReader(input, limits: limits)
    }

    func next() throws(StorageError) -> ExportEvent {
        var scanned = (count: 0, backslashes: 0)
        while let line = try lines.next(checking: { part throws(StorageError) in
            try self.check(part, &scanned)
        }) {
            scanned = (0, 0)
            if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { continue }
            do {
                let members = try JSONLine.parse(line)
                let key = try Self.bytes("key", members)
                let value = try Self.bytes("value", members)
                return try lines.checked(key, value)
            } catch {
                throw lines.error(error)
            }
        }
        return .end(entryCount: lines.entryCount)
    }

    /// What else may stand on a line besides a value in its longest form.
    private static let otherByteCount = 1 << 20

    /// Refuses the beginning of a line that can't be an object, or is longer than one with the longest
    /// value in hexadecimal digits; an escape has six characters at most for one.
    private func check(
        _ part: [UInt8], _ scanned: inout (count: Int, backslashes: Int)
    ) throws(StorageError) {
        if scanned.count == 0, let first = part.first(where: { $0 != 0x20 && $0 != 0x09 }),
            first != UInt8(ascii: "{")
        {
            _ = try JSONLine.parse(Array(part.prefix(100)))
        }
        for index in scanned.count..<part.count where part[index] == UInt8(ascii: "\\") {
            scanned.backslashes += 1
        }
        scanned.count = part.count
        guard
            part.count - 5 * scanned.backslashes <= 2 * lines.limits.valueByteCount
                + Self.otherByteCount
        else {
            throw StorageError(
                .valueTooLong,
                "it is longer than any entry; a value has at most \(lines.limits.valueByteCount) bytes."
            )
        }
    }

    /// The bytes of the one member for `name`, in whatever encoding its name says.
    private static func bytes(
        _ name: String, _ members: [JSONLine.Member]
    ) throws(StorageError) -> [UInt8] {
        var found: [UInt8]?
        for member in members {
            let format: ByteFormat
            if member.name == name {
                format = .text
            } else if member.name.hasPrefix(name + "_"),
                let named = ByteFormat(rawValue: String(member.name.dropFirst(name.count + 1)))
            {
                format = named
            } else {
                continue
            }
            guard found == nil else {
                throw StorageError(.invalidArgument, "The object has more than one \(name).")
            }
            guard let text = member.text else {
                throw StorageError(.invalidArgument, "\"\(member.name)\" is not a string.")
            }
            guard text.isWhole else {
                throw StorageError(
                    .invalidArgument,
                    "\"\(member.name)\" has half a character: a surrogate without the other one.")
            }
            found = try format.decode(text.bytes)
        }
        guard let found else {
            throw StorageError(
                .invalidArgument,
                "The object has no \"\(name)\" (nor \(name)_hex, \(name)_base64, \(name)_escaped).")
        }
        return found
    }
}
