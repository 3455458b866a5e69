import StorageIO

/// Cuts an input into lines.
final class LineReader {
    /// The number of the line read last, from 1.
    private(set) var lineNumber = 0

    /// How many lines were entries.
    var entryCount: UInt64 = 0

    private let input: any ByteInput
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var position = 0
    private var end = 0

    /// Longer than any line that holds an entry within the limits needs to be.
    private static let maximumLineByteCount = 1 << 33

    init(_ input: any ByteInput) { self.input = input }

    /// The next line without its end (`\n` or `\r\n`), or nil after the last.
    func next() throws(StorageError) -> [UInt8]? {
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
            let rest = buffer[position..<end]
            if let stop = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line += buffer[position..<stop]
                position = stop + 1
                break
            }
            line += rest
            position = end
            guard line.count <= Self.maximumLineByteCount else {
                throw StorageError(
                    .valueTooLong, "Line \(lineNumber + 1) is longer than any entry can be.")
            }
        }
        lineNumber += 1
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    /// An error in the line read last.
    func error(_ message: String) -> StorageError {
        StorageError(.invalidArgument, "Line \(lineNumber) of the input: \(message)")
    }

    /// The same for an error that decoding the line threw.
    func error(_ cause: StorageError) -> StorageError {
        StorageError(cause.code, "Line \(lineNumber) of the input: \(cause.message)")
    }
}
