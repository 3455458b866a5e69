import KVDB
import StorageIO

/// Where an import's entries come from.
protocol EntryInput: AnyObject {
    /// The next entry or table, or the end, which is only said when the input was whole.
    func next() throws(StorageError) -> ExportEvent
}

/// The entries of a tkdb export.
final class ExportEntryInput: EntryInput {
    private let reader: ExportReader

    init(_ input: any ByteInput) {
        reader = ExportReader { buffer throws(StorageError) in try input.read(into: &buffer) }
    }

    func next() throws(StorageError) -> ExportEvent { try reader.next() }
}

/// The entries of another input, with its path in its errors.
final class LocatedEntryInput: EntryInput {
    private let input: any EntryInput
    private let path: String

    init(
        _ path: String, _ open: () throws(StorageError) -> any EntryInput
    ) throws(StorageError) {
        self.path = path
        do throws(StorageError) {
            input = try open()
        } catch {
            throw Self.located(error, path)
        }
    }

    func next() throws(StorageError) -> ExportEvent {
        do throws(StorageError) {
            return try input.next()
        } catch {
            throw Self.located(error, path)
        }
    }

    private static func located(_ error: StorageError, _ path: String) -> StorageError {
        var error = error
        if error.path == nil { error.path = path }
        return error
    }
}

/// Lines of key, tab, value. The first tab separates; empty lines are passed over.
final class TabSeparatedInput: EntryInput {
    private let lines: LineReader
    private let keyFormat: ByteFormat
    private let valueFormat: ByteFormat

    init(_ input: any ByteInput, keyFormat: ByteFormat, valueFormat: ByteFormat) {
        lines = LineReader(input)
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
    }

    func next() throws(StorageError) -> ExportEvent {
        while let line = try lines.next() {
            if line.isEmpty { continue }
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else {
                throw lines.error("there is no tab between a key and a value.")
            }
            do {
                let key = try keyFormat.decode(Array(line[..<tab]))
                let value = try valueFormat.decode(Array(line[(tab + 1)...]))
                return try lines.checked(key, value)
            } catch {
                throw lines.error(error)
            }
        }
        return .end(entryCount: lines.entryCount)
    }
}

/// Lines of JSON objects with `key` and `value`, or `key_hex`, `value_base64` and the like.
final class JSONLinesInput: EntryInput {
    private let lines: LineReader

    init(_ input: any ByteInput) { lines = LineReader(input) }

    func next() throws(StorageError) -> ExportEvent {
        while let line = try lines.next() {
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
            guard let text = member.string else {
                throw StorageError(.invalidArgument, "\"\(member.name)\" is not a string.")
            }
            found = try format.decode(text)
        }
        guard let found else {
            throw StorageError(
                .invalidArgument,
                "The object has no \"\(name)\" (nor \(name)_hex, \(name)_base64, \(name)_escaped).")
        }
        return found
    }
}

extension LineReader {
    /// The entry, if a database can hold it.
    func checked(_ key: [UInt8], _ value: [UInt8]) throws(StorageError) -> ExportEvent {
        guard key.count <= 1024 else {
            throw StorageError(
                .keyTooLong, "the key has \(key.count) bytes; the limit is 1024.")
        }
        guard value.count <= 1 << 30 else {
            throw StorageError(
                .valueTooLong, "the value has \(value.count) bytes; the limit is 2^30.")
        }
        entryCount += 1
        return .entry(key: key, value: value)
    }
}
