import KVDB
import StorageIO

/// Bytes that come one after another: standard input, a file, what LZ4 unpacks.
public protocol ByteInput: AnyObject {
    /// Fills the buffer from its start with the next bytes, any number of them, and returns how
    /// many; 0 at the end. The buffer is not empty, and keeps its size.
    func read(into buffer: inout [UInt8]) throws(StorageError) -> Int

    /// Whether a person types it.
    var isTerminal: Bool { get }
}

extension ByteInput {
    public var isTerminal: Bool { false }
}

/// Where bytes go, one after another: standard output, standard error, a file.
public protocol ByteOutput: AnyObject {
    /// Whether a person is looking.
    var isTerminal: Bool { get }

    /// Whether what a person looks at can go back in a line and clear it.
    var clearsLines: Bool { get }

    /// Takes the bytes; they may be held back until ``flush()``.
    func write(_ bytes: ByteView) throws(StorageError)

    /// Hands on what was held back.
    func flush() throws(StorageError)
}

extension ByteOutput {
    public var clearsLines: Bool { isTerminal }

    /// Writes an array's bytes.
    func write(_ bytes: [UInt8]) throws(StorageError) {
        try withByteView(of: bytes) { view throws(StorageError) in try write(view) }
    }

    /// Writes a string's UTF-8.
    func write(_ text: String) throws(StorageError) {
        try write(Array(text.utf8))
    }
}

/// An input that is all there from the start.
public final class MemoryInput: ByteInput {
    private let bytes: [UInt8]
    private var position = 0
    public let isTerminal: Bool

    /// The input of these bytes.
    ///
    /// - Parameter isTerminal: whether to pass for a terminal.
    public init(_ bytes: [UInt8] = [], isTerminal: Bool = false) {
        self.bytes = bytes
        self.isTerminal = isTerminal
    }

    public func read(into buffer: inout [UInt8]) -> Int {
        let count = min(buffer.count, bytes.count - position)
        buffer.replaceSubrange(0..<count, with: bytes[position..<(position + count)])
        position += count
        return count
    }
}

/// An output that keeps what it gets.
public final class MemoryOutput: ByteOutput {
    /// All that was written.
    public private(set) var bytes: [UInt8] = []
    public let isTerminal: Bool

    public let clearsLines: Bool

    /// An empty output.
    ///
    /// - Parameters:
    ///   - isTerminal: whether to pass for a terminal.
    ///   - clearsLines: whether for one that can clear a line.
    public init(isTerminal: Bool = false, clearsLines: Bool = true) {
        self.isTerminal = isTerminal
        self.clearsLines = isTerminal && clearsLines
    }

    /// What was written, as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public func write(_ bytes: ByteView) { unsafe self.bytes.append(contentsOf: bytes.buffer) }

    public func flush() {}
}

/// An input some of whose first bytes were looked at already.
final class PeekedInput: ByteInput {
    /// The first bytes, at most as many as asked for.
    let head: [UInt8]
    private var position = 0
    private let rest: any ByteInput

    /// Looks at the first `count` bytes of `input`, or all when it has fewer.
    init(_ input: any ByteInput, count: Int) throws(StorageError) {
        var head: [UInt8] = []
        while head.count < count {
            var buffer = [UInt8](repeating: 0, count: count - head.count)
            let got = try input.read(into: &buffer)
            if got == 0 { break }
            head += buffer.prefix(got)
        }
        self.head = head
        rest = input
    }

    func read(into buffer: inout [UInt8]) throws(StorageError) -> Int {
        guard position < head.count else { return try rest.read(into: &buffer) }
        let count = min(buffer.count, head.count - position)
        buffer.replaceSubrange(0..<count, with: head[position..<(position + count)])
        position += count
        return count
    }
}
