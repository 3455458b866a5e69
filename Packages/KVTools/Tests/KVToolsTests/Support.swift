import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

extension TemporaryDirectory {
    /// Writes a file into it and returns its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    /// All of a file in it.
    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: file(name))))
    }
}

/// What a command did.
struct Outcome {
    var status: CommandStatus
    var output: [UInt8]
    var error: String

    var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs a command in this process.
@discardableResult
func kvtools(_ arguments: String..., input: [UInt8] = [], terminal: Bool = false) -> Outcome {
    let output = MemoryOutput(isTerminal: terminal)
    let error = MemoryOutput(isTerminal: terminal)
    let status = CommandLineTool.run(
        arguments: arguments, input: MemoryInput(input), output: output, error: error)
    return Outcome(status: status, output: output.bytes, error: error.text)
}

/// An input that comes in pieces of at most a given size.
final class PiecewiseInput: ByteInput {
    private let bytes: [UInt8]
    private let piece: Int
    private var position = 0

    init(_ bytes: [UInt8], piece: Int) {
        self.bytes = bytes
        self.piece = piece
    }

    func read(into buffer: inout [UInt8]) -> Int {
        let count = min(piece, buffer.count, bytes.count - position)
        buffer.replaceSubrange(0..<count, with: bytes[position..<(position + count)])
        position += count
        return count
    }
}

/// All of an input.
func readAll(_ input: any ByteInput) throws(StorageError) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1000)
    while true {
        let count = try input.read(into: &buffer)
        if count == 0 { return all }
        all += buffer.prefix(count)
    }
}

/// The code of the error that `body` throws, or nil.
func thrownCode(_ body: () throws -> Void) -> StorageError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}

extension SeededRandom {
    /// Random bytes, any number in the range.
    mutating func bytes(_ lengths: ClosedRange<Int>) -> [UInt8] { bytes(number(in: lengths)) }
}
