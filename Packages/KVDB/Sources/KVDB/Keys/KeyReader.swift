import StorageIO

/// Reads the parts of a key in the order in which they were written.
///
/// Whatever the bytes are, reading gives a value or throws `undecodable`. Only the database makes readers,
/// and lends them to ``OrderedKey/init(from:)``.
///
/// Marked `@safe` because every access stays inside the `byteCount` bytes that the maker lends, and a reader,
/// which can't be copied, is never there longer than they are.
@safe public struct KeyReader: ~Copyable {
    @usableFromInline let start: UnsafeRawPointer
    @usableFromInline let byteCount: Int
    @usableFromInline var position = 0
    /// All ones inside a ``Descending`` key, whose bytes are complements.
    @usableFromInline var mask: UInt64 = 0

    @inlinable
    init(_ buffer: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any non-null one will do, as it is never read.
        unsafe start = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        byteCount = buffer.count
    }

    /// How many bytes are left.
    @inlinable
    public var remaining: Int { byteCount &- position }

    /// Throws if bytes are left.
    @inlinable
    func finish() throws(StorageError) {
        if remaining != 0 { throw .undecodable("a key", "more bytes follow its end") }
    }

    /// Reads an integer whose most significant byte comes first.
    ///
    /// - Throws: `undecodable` when fewer bytes are left.
    @inlinable
    public mutating func readInteger<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type = Integer.self
    ) throws(StorageError) -> Integer {
        guard remaining >= MemoryLayout<Integer>.size else { throw Self.tooShort() }
        let integer = unsafe Integer(
            bigEndian: start.loadUnaligned(fromByteOffset: position, as: type))
        position &+= MemoryLayout<Integer>.size
        return mask == 0 ? integer : ~integer
    }

    @usableFromInline @inline(never)
    static func tooShort() -> StorageError {
        .undecodable("a key", "they end before the key does")
    }

    /// Reads `count` bytes that were appended as they are.
    ///
    /// - Throws: `undecodable` when fewer bytes are left.
    public mutating func readFixed(_ count: Int) throws(StorageError) -> [UInt8] {
        guard count >= 0, remaining >= count else { throw Self.tooShort() }
        let flip = UInt8(truncatingIfNeeded: mask)
        var bytes = unsafe [UInt8](
            UnsafeRawBufferPointer(start: start + position, count: count))
        if flip != 0 { for index in bytes.indices { bytes[index] ^= flip } }
        position += count
        return bytes
    }

    /// Reads bytes that were appended with their end mark.
    ///
    /// - Throws: `undecodable` when the end mark is missing, or a byte 1 isn't followed by 1 or 2.
    public mutating func readEscaped() throws(StorageError) -> [UInt8] {
        try withEscaped { bytes in [UInt8](keyBytes: bytes) }
    }

    /// Reads bytes that were appended with their end mark, and lends them without a copy where they
    /// lie in the key as they are.
    mutating func withEscaped<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let from = position
        var pairCount = 0
        var index = position
        while true {
            let length = min(8, byteCount - index)
            guard length > 0 else { throw Self.tooShort() }
            let word = unsafe Bytewise.load(start + index, length) ^ mask
            let plain = Bytewise.firstBelowTwo(word, length)
            index += plain
            if plain == length { continue }
            if byte(at: index) == 0 { break }
            guard index + 1 < byteCount else { throw Self.tooShort() }
            guard (1...2).contains(byte(at: index + 1)) else {
                throw .undecodable("a key", "an escaped byte is neither 0 nor 1")
            }
            pairCount += 1
            index += 2
        }
        position = index + 1
        if pairCount == 0 && mask == 0 {
            return try body(unsafe RawSpan(_unsafeStart: start + from, byteCount: index - from))
        }
        return try body(unsafe unescaped(from..<index, pairCount: pairCount).span.bytes)
    }

    private func byte(at index: Int) -> UInt8 {
        unsafe start.load(fromByteOffset: index, as: UInt8.self) ^ UInt8(truncatingIfNeeded: mask)
    }

    private func unescaped(_ range: Range<Int>, pairCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count - pairCount)
        var index = range.lowerBound
        while index < range.upperBound {
            let first = byte(at: index)
            if first == 1 { index += 1 }
            bytes.append(first == 1 ? byte(at: index) - 1 : first)
            index += 1
        }
        return bytes
    }
}
