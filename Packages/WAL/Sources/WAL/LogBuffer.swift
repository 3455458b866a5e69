import StorageIO

/// Bytes that grow: what is to be written, and what was read. The only type of this module that owns
/// memory by address.
///
/// `@safe`: every access is checked against `count`, and the memory lives as long as the object.
/// Views lent from it are valid until it next grows or goes.
@safe final class LogBuffer {
    #if hasFeature(Embedded)
        private static let leastCapacity = 512
    #else
        private static let leastCapacity = 4096
    #endif
    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    /// How many bytes it holds.
    private(set) var count = 0

    /// An empty buffer.
    init() {
        capacity = Self.leastCapacity
        unsafe start = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe start.deallocate() }

    /// Makes room for `extra` more bytes, at least doubling so that appending stays O(1).
    private func makeRoom(_ extra: Int) {
        guard capacity - count < extra else { return }
        resize(to: max(capacity * 2, count + extra))
    }

    private func resize(to newCapacity: Int) {
        let moved = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        unsafe moved.copyMemory(from: start, byteCount: count)
        unsafe start.deallocate()
        unsafe start = moved
        capacity = newCapacity
    }

    /// Appends a copy of `bytes`.
    func append(_ bytes: ByteView) {
        makeRoom(bytes.count)
        unsafe (start + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Appends zeros.
    func appendZeros(_ zeroCount: Int) {
        makeRoom(zeroCount)
        unsafe (start + count).initializeMemory(as: UInt8.self, repeating: 0, count: zeroCount)
        count += zeroCount
    }

    /// Writes a little-endian integer over bytes that are there.
    func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(
            offset >= 0 && offset <= count - MemoryLayout<Value>.size,
            "LogBuffer store out of range")
        unsafe start.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    /// Lends the bytes from `offset` on, cut to what is there.
    func view(from offset: Int = 0, count length: Int = .max) -> ByteView {
        let first = min(max(offset, 0), count)
        return unsafe ByteView(start: UnsafeRawPointer(start + first), count: count - first)
            .prefix(length)
    }

    /// Forgets the bytes, and gives memory beyond `retained` bytes back.
    func removeAll(retaining retained: Int = .max) {
        count = 0
        let least = max(retained, Self.leastCapacity)
        if capacity > least { resize(to: least) }
    }

    /// Replaces the content by up to `length` bytes of `file`; fewer at its end.
    func fill<Handle: File>(from file: Handle, at offset: UInt64, count length: Int)
        throws(StorageError)
    {
        count = 0
        makeRoom(length)
        count = try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(start: start, count: length), at: offset)
    }

    /// Writes `length` bytes from `offset` on into `file`.
    func write<Handle: File>(
        from offset: Int, count length: Int, to file: Handle, at position: UInt64
    )
        throws(StorageError)
    {
        try unsafe file.write(view(from: offset, count: length).buffer, at: position)
    }
}
