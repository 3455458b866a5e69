import CStorageIO

/// A borrowed run of bytes: where it starts and how long it is. It owns nothing and is valid only
/// as long as what it was made from; the engine passes it down a call and never keeps it.
///
/// Marked `@safe` because every access here stays inside `0 ..< count`; that the memory still
/// exists is the maker's promise.
@safe public struct ByteView: @unchecked Sendable {
    /// The first byte. May point anywhere when `count` is 0.
    public let start: UnsafeRawPointer
    /// How many bytes.
    public let count: Int

    /// A view of the bytes from `start`.
    @inlinable
    public init(start: UnsafeRawPointer, count: Int) {
        unsafe self.start = start
        self.count = count
    }

    /// A view of `buffer`.
    @inlinable
    public init(_ buffer: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any non-null one will do, as it is never read.
        unsafe self.start = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        self.count = buffer.count
    }

    /// The byte at `index`; the index must be in range.
    @inlinable
    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "ByteView index out of range")
        return unsafe start.load(fromByteOffset: index, as: UInt8.self)
    }

    /// The part from `offset` on, clamped to the view.
    @inlinable
    public func dropFirst(_ offset: Int) -> ByteView {
        let skipped = min(max(offset, 0), count)
        return unsafe ByteView(start: start + skipped, count: count - skipped)
    }

    /// The first `length` bytes, clamped to the view.
    @inlinable
    public func prefix(_ length: Int) -> ByteView {
        unsafe ByteView(start: start, count: min(max(length, 0), count))
    }

    /// The same bytes as a buffer pointer.
    @inlinable
    public var buffer: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start, count: count)
    }

    /// The same bytes, copied out.
    @inlinable
    public var array: [UInt8] {
        unsafe [UInt8](buffer)
    }

    /// Lexicographic order by unsigned bytes: negative, zero or positive.
    @inlinable
    public func compare(to other: ByteView) -> Int {
        let order = unsafe csio_compare(start, other.start, min(count, other.count))
        return order != 0 ? Int(order) : count - other.count
    }

    /// Starts to bring the bytes near, so that what reads them a little later does not wait for
    /// memory.
    @inlinable
    public func prefetch() { unsafe csio_prefetch(start, count) }

    /// Starts to bring the line of memory near that the first byte lies in.
    @inlinable
    public func prefetchLine() { unsafe csio_prefetch_line(start) }

    /// How many of the ascending little-endian 32-bit integers that the view consists of are below
    /// `wanted`. O(log count), without a branch that depends on the integers.
    @inlinable
    public func lowerBound(_ wanted: UInt32) -> Int {
        unsafe Int(csio_lower_bound(start, UInt32(truncatingIfNeeded: count / 4), wanted))
    }

    /// How many leading bytes the two have in common.
    public func commonPrefixLength(with other: ByteView) -> Int {
        let limit = min(count, other.count)
        var length = 0
        while length <= limit - 8 {
            let own = unsafe start.loadUnaligned(fromByteOffset: length, as: UInt64.self)
            let others = unsafe other.start.loadUnaligned(fromByteOffset: length, as: UInt64.self)
            let difference = own.littleEndian ^ others.littleEndian
            // The lowest byte comes first, so the lowest bit that differs lies in the first that does.
            if difference != 0 { return length + difference.trailingZeroBitCount / 8 }
            length += 8
        }
        while length < limit && self[length] == other[length] { length += 1 }
        return length
    }

    /// The bytes from `offset` as a little-endian integer, or nil when they don't all lie inside.
    @inlinable
    public func load<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value? {
        guard offset >= 0, offset <= count - MemoryLayout<Value>.size else { return nil }
        return unsafe Value(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: type))
    }
}

/// CRC-32C (Castagnoli), the checksum of every page, frame and export.
public enum CRC32C {
    /// The checksum of `bytes`, continuing from `seed` (0 to start). O(n), by the CPU's instruction
    /// where there is one.
    @inlinable
    public static func checksum(_ bytes: ByteView, seed: UInt32 = 0) -> UInt32 {
        unsafe csio_crc32c(seed, bytes.start, bytes.count)
    }

    /// The same by tables, on every machine.
    public static func portableChecksum(_ bytes: ByteView, seed: UInt32 = 0) -> UInt32 {
        unsafe csio_crc32c_portable(seed, bytes.start, bytes.count)
    }
}
