import Foundation
import KVDB
import StorageIO

/// Cuts an input into lines. A byte-order mark at the start is passed over.
final class LineReader {
    /// The number of the line read last, from 1.
    private(set) var lineNumber = 0

    /// How many lines were entries.
    var entryCount: UInt64 = 0

    let limits: EntryLimits
    private let input: any ByteInput
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var position = 0
    private var end = 0
    private var hasBegun = false

    init(_ input: any ByteInput, limits: EntryLimits = .database) {
        self.input = input
        self.limits = limits
    }

    /// The next line without its end (`\n` or `\r\n`), or nil after the last.
    ///
    /// - Parameter check: gets what there is of a line that does not end yet, again and again, and throws
    ///   when no entry can begin so: what can't be stored is not read to its end.
    func next(
        checking check: (_ part: [UInt8]) throws(StorageError) -> Void
    ) throws(StorageError) -> [UInt8]? {
        if !hasBegun { try begin() }
        var line: [UInt8] = []
        while true {
            if position == end {
                position = 0
                end = try input.read(into: &buffer)
                if end == 0 {
                    if line.isEmpty { return nil }
                    break
                }
            }
            let stop = lineEnd()
            line += buffer[position..<(stop ?? end)]
            position = stop.map { $0 + 1 } ?? end
            if stop != nil { break }
            do {
                try check(line)
            } catch {
                lineNumber += 1
                throw self.error(error)
            }
        }
        lineNumber += 1
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    /// Where the next line feed of the buffer is.
    private func lineEnd() -> Int? {
        unsafe buffer.withUnsafeBytes { bytes in
            // The buffer is not empty, and `position` is in it.
            let start = unsafe bytes.baseAddress! + position
            guard let found = unsafe memchr(start, 0x0A, end - position) else { return nil }
            return unsafe position + (UnsafeRawPointer(found) - start)
        }
    }

    /// Looks for a byte-order mark.
    private func begin() throws(StorageError) {
        hasBegun = true
        while end < 4 {
            var more = [UInt8](repeating: 0, count: 4 - end)
            let count = try input.read(into: &more)
            if count == 0 { break }
            buffer.replaceSubrange(end..<end + count, with: more.prefix(count))
            end += count
        }
        let head = buffer[..<end]
        if head.starts(with: [0xEF, 0xBB, 0xBF]) {
            position = 3
        } else if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF])
            || head.starts(with: [0, 0, 0xFE, 0xFF])
        {
            let name = head.count == 4 && (head[0] == 0 || head[2...] == [0, 0]) ? "32" : "16"
            throw StorageError(
                .invalidArgument,
                "The input is UTF-\(name) text; kvtools reads UTF-8. Convert it with "
                    + "`iconv -f UTF-\(name) -t UTF-8`.")
        }
    }

    /// An error in the line read last.
    func error(_ message: String) -> StorageError {
        StorageError(.invalidArgument, "Line \(lineNumber) of the input: \(message)")
    }

    /// The same for an error that decoding the line threw.
    func error(_ cause: StorageError) -> StorageError {
        StorageError(cause.code, "Line \(lineNumber) of the input: \(cause.message)")
    }

    /// The entry, if a database can hold it.
    func checked(_ key: [UInt8], _ value: [UInt8]) throws(StorageError) -> ExportEvent {
        try limits.check(key: key.count)
        try limits.check(value: value.count)
        entryCount += 1
        return .entry(key: key, value: value)
    }
}
