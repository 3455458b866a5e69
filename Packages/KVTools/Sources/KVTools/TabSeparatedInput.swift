import KVDB
import StorageIO

/// Lines of key, tab, value. The first tab separates; empty lines are passed over.
///
/// Both are text, byte by byte, as other programs write it, unless a format says otherwise or the line
/// says that it is escaped (``escapedMark``).
final class TabSeparatedInput: EntryInput {
    /// A third field with which a line says that its key and value are ``ByteFormat/escaped``; `list`
    /// prints it where something had to be escaped. Each such line says so for itself, so that lines can
    /// be sorted, cut out and joined; and no line gets another number by it, as by a header.
    static let escapedMark = Array("\t\\escaped".utf8)

    private let lines: LineReader
    private let keyFormat: ByteFormat?
    private let valueFormat: ByteFormat?

    init(
        _ input: any ByteInput, keyFormat: ByteFormat?, valueFormat: ByteFormat?,
        limits: EntryLimits = .database
    ) {
        lines = LineReader(input, limits: limits)
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
    }

    func next() throws(StorageError) -> ExportEvent {
        var scanned = Scanned()
        while let line = try lines.next(checking: { part throws(StorageError) in
            try self.check(part, &scanned)
        }) {
            scanned = Scanned()
            if line.isEmpty { continue }
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else {
                throw lines.error("there is no tab between a key and a value.")
            }
            // The mark's tab is not the one that separates key and value.
            let isMarked =
                line.count > tab + Self.escapedMark.count
                && line.suffix(Self.escapedMark.count) == Self.escapedMark[...]
            let isEscaped = isMarked && (valueFormat ?? .escaped) == .escaped
            let end = isEscaped ? line.count - Self.escapedMark.count : line.count
            let otherwise = isEscaped ? ByteFormat.escaped : .text
            do {
                let key = try (keyFormat ?? otherwise).decode(Array(line[..<tab]))
                let value = try (valueFormat ?? otherwise).decode(Array(line[(tab + 1)..<end]))
                return try lines.checked(key, value)
            } catch {
                throw lines.error(error)
            }
        }
        return .end(entryCount: lines.entryCount)
    }

    /// What is known of a line that has not ended.
    private struct Scanned {
        var count = 0
        var tab: Int?
        var backslashes = 0
    }

    /// Refuses the beginning of a line of which the key or the value is too long already.
    private func check(_ part: [UInt8], _ scanned: inout Scanned) throws(StorageError) {
        for index in scanned.count..<part.count {
            if part[index] == UInt8(ascii: "\\") { scanned.backslashes += 1 }
            if part[index] == UInt8(ascii: "\t"), scanned.tab == nil {
                scanned.tab = index
                scanned.backslashes = 0
            }
        }
        scanned.count = part.count
        // A line that has not said how it is written may be escaped. The last byte may belong to the
        // line's end.
        if let tab = scanned.tab {
            let format = valueFormat ?? .escaped
            let least = format.leastByteCount(
                part.count - tab - 2, backslashes: scanned.backslashes)
            guard least <= lines.limits.valueByteCount + Self.escapedMark.count else {
                throw StorageError(
                    .valueTooLong,
                    "the value has more than \(lines.limits.valueByteCount) bytes, which is the most "
                        + "that a value may have.")
            }
        } else {
            let format = keyFormat ?? .escaped
            let least = format.leastByteCount(
                part.count - 1, backslashes: scanned.backslashes)
            guard least <= lines.limits.keyByteCount else {
                throw StorageError(
                    .keyTooLong,
                    "the key, up to the first tab, has more than \(lines.limits.keyByteCount) bytes, "
                        + "which is the most that a key may have.")
            }
        }
    }
}
