/// Collects the bytes of a key.
///
/// The bytes lie in a buffer on the stack while they fit there, which every key does that the database
/// accepts; longer ones move to the heap, and the database reports them as `keyTooLong`. Only the
/// database makes writers, and lends them to ``OrderedKey/encode(into:)``.
///
/// Marked `@safe` because every access stays inside the `capacity` bytes that the maker owns, and a writer,
/// which can't be copied, is never there longer than they are.
@safe public struct KeyWriter: ~Copyable {
    /// How many bytes the buffer on the stack has: the limit of a key.
    @usableFromInline static var stackCapacity: Int { 1024 }

    @usableFromInline var start: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int

    /// How many bytes were appended.
    public var count: Int { position }

    @usableFromInline var position: Int

    /// Whether `start` is memory of the heap, which the maker frees. No `deinit` does so: with one the
    /// compiler puts the writer itself on the heap.
    @usableFromInline var isOnHeap: Bool

    @inlinable
    init(start: UnsafeMutableRawPointer, capacity: Int) {
        unsafe self.start = start
        self.capacity = capacity
        position = 0
        isOnHeap = false
    }

    /// Makes a writer, lets `encode` fill it, and calls `body` with the bytes.
    @inlinable @inline(__always)
    static func withWriter<Result, Failure: Error>(
        _ encode: (inout KeyWriter) -> Void,
        lending body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe withUnsafeTemporaryAllocation(byteCount: stackCapacity, alignment: 8) {
            buffer throws(Failure) in
            // Never nil: the allocation isn't empty.
            var writer = unsafe KeyWriter(
                start: buffer.baseAddress.unsafelyUnwrapped, capacity: stackCapacity)
            encode(&writer)
            let (start, count, isOnHeap) = unsafe (writer.start, writer.position, writer.isOnHeap)
            defer { if isOnHeap { unsafe start.deallocate() } }
            return try body(unsafe RawSpan(_unsafeStart: start, byteCount: count))
        }
    }

    /// Makes room for `byteCount` more bytes.
    @inlinable @inline(__always)
    mutating func reserve(_ byteCount: Int) {
        if capacity &- position < byteCount { grow(byteCount) }
    }

    @usableFromInline @inline(never)
    mutating func grow(_ byteCount: Int) {
        let larger = max(2 * capacity, position + byteCount)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        unsafe moved.copyMemory(from: start, byteCount: position)
        if isOnHeap { unsafe start.deallocate() }
        unsafe start = moved
        capacity = larger
        isOnHeap = true
    }

    /// Appends an integer, its most significant byte first.
    @inlinable
    public mutating func append<Integer: FixedWidthInteger & BitwiseCopyable>(
        bigEndian integer: Integer
    ) {
        reserve(MemoryLayout<Integer>.size)
        unsafe start.storeBytes(of: integer.bigEndian, toByteOffset: position, as: Integer.self)
        position &+= MemoryLayout<Integer>.size
    }

    /// Appends bytes as they are. Only those of a key whose length the type fixes may be appended so;
    /// others would have no end.
    @inlinable
    public mutating func append(fixed bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(unchanged: $0) }
    }

    @usableFromInline
    mutating func append(unchanged bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress else { return }
        reserve(bytes.count)
        unsafe (start + position).copyMemory(from: from, byteCount: bytes.count)
        position += bytes.count
    }

    /// Appends bytes of any length so that they end by themselves and sort as they are: the bytes 0 and
    /// 1 become the pairs 1 1 and 1 2, and a 0 ends them.
    @inlinable
    public mutating func append(escaping bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(beginning: $0) }
        append(bigEndian: 0 as UInt8)
    }

    /// Appends what begins the encoding of all byte runs that begin with `bytes`: no end mark.
    @usableFromInline
    mutating func append(beginning bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress else { return }
        var index = 0
        while index < bytes.count {
            let length = min(8, bytes.count - index)
            let word = unsafe Bytewise.load(from + index, length)
            reserve(16)
            if Bytewise.firstBelowTwo(word, length) == length {
                unsafe (start + position).storeBytes(of: word.littleEndian, as: UInt64.self)
                position += length
            } else {
                appendPairs(word, length)
            }
            index += length
        }
    }

    /// Appends the `length` lowest bytes of a word, the lowest first, some of which are 0 or 1.
    private mutating func appendPairs(_ word: UInt64, _ length: Int) {
        var rest = word
        for _ in 0..<length {
            let byte = UInt8(truncatingIfNeeded: rest)
            if byte < 2 { append(bigEndian: 1 as UInt8) }
            append(bigEndian: byte < 2 ? byte + 1 : byte)
            rest >>= 8
        }
    }

    /// Complements the bytes from `offset` on, which turns their order around.
    @usableFromInline
    mutating func complement(from offset: Int) {
        var index = offset
        while index <= position - 8 {
            let place = unsafe start + index
            unsafe place.storeBytes(of: ~place.loadUnaligned(as: UInt64.self), as: UInt64.self)
            index += 8
        }
        while index < position {
            let place = unsafe start + index
            unsafe place.storeBytes(of: ~place.load(as: UInt8.self), as: UInt8.self)
            index += 1
        }
    }
}

/// Eight bytes at once, the first in the lowest bits.
enum Bytewise {
    /// The `length` bytes at `place`, at most 8, with 255 above them.
    static func load(_ place: UnsafeRawPointer, _ length: Int) -> UInt64 {
        if length == 8 {
            return unsafe UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        }
        var word: UInt64 = .max
        var index = length
        while index > 0 {
            index -= 1
            word = unsafe word << 8 | UInt64(place.load(fromByteOffset: index, as: UInt8.self))
        }
        return word
    }

    /// The index of the first of `length` bytes that is 0 or 1, or `length`. O(1).
    ///
    /// The subtraction borrows from a byte only where one below it was 0 or 1, so the lowest mark is
    /// right (H. Warren, "Hacker's Delight", 2nd edition, section 6-1).
    static func firstBelowTwo(_ word: UInt64, _ length: Int) -> Int {
        let marks = (word &- 0x0202_0202_0202_0202) & ~word & 0x8080_8080_8080_8080
        return min(length, marks.trailingZeroBitCount / 8)
    }
}
