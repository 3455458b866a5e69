import StorageIO

/// The 4096 bytes of one page in the cache, read and written by offset. Multi-byte fields are
/// little-endian.
///
/// Every access is clamped into the page: an offset out of range reads or writes some other byte of
/// the same page, never memory outside. Pages are checked when they enter the cache (R7), so on a
/// sound file no access is ever clamped; on a hostile one (a page used twice, changed under a
/// reader) the result is wrong but the process lives. That clamp is why the type is `@safe`; that
/// the page stays in memory is the caller's promise (an open read, or the write transaction).
@safe public struct PageBytes: @unchecked Sendable {
    /// The page's first byte.
    public let base: UnsafeMutableRawPointer

    /// The page at `base`.
    @inlinable
    public init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inlinable
    func clamped(_ offset: Int, _ size: Int) -> Int {
        let limit = PageLayout.pageSize &- size
        return UInt(bitPattern: offset) <= UInt(bitPattern: limit) ? offset : limit
    }

    /// The integer at `offset`.
    @inlinable
    public func load<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type) -> Value {
        unsafe Value(
            littleEndian: base.loadUnaligned(
                fromByteOffset: clamped(offset, MemoryLayout<Value>.size), as: type))
    }

    /// Writes `value` at `offset`.
    @inlinable
    public func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, at offset: Int
    ) {
        unsafe base.storeBytes(
            of: value.littleEndian, toByteOffset: clamped(offset, MemoryLayout<Value>.size),
            as: Value.self)
    }

    /// The byte at `offset`.
    @inlinable public func u8(_ offset: Int) -> UInt8 { load(offset, as: UInt8.self) }
    /// The 16-bit integer at `offset`.
    @inlinable public func u16(_ offset: Int) -> UInt16 { load(offset, as: UInt16.self) }
    /// The 32-bit integer at `offset`.
    @inlinable public func u32(_ offset: Int) -> UInt32 { load(offset, as: UInt32.self) }
    /// The 64-bit integer at `offset`.
    @inlinable public func u64(_ offset: Int) -> UInt64 { load(offset, as: UInt64.self) }

    /// `count` bytes at `offset`, cut to the page.
    @inlinable
    public func bytes(_ offset: Int, count: Int) -> ByteView {
        let start = clamped(offset, 0)
        let length = min(max(count, 0), PageLayout.pageSize &- start)
        return unsafe ByteView(start: UnsafeRawPointer(base + start), count: length)
    }

    /// Copies `source` to `offset`, cut to the page. The ranges may overlap.
    @inlinable
    public func copy(_ source: ByteView, to offset: Int) {
        let start = clamped(offset, 0)
        let length = min(source.count, PageLayout.pageSize &- start)
        unsafe (base + start).copyMemory(from: source.start, byteCount: length)
    }

    /// Moves `count` bytes within the page; the ranges may overlap.
    @inlinable
    public func move(from source: Int, to target: Int, count: Int) {
        copy(bytes(source, count: count), to: target)
    }

    /// Sets `count` bytes from `offset` to zero, cut to the page.
    @inlinable
    public func zero(_ offset: Int, count: Int) {
        let start = clamped(offset, 0)
        let length = min(max(count, 0), PageLayout.pageSize &- start)
        unsafe (base + start).initializeMemory(as: UInt8.self, repeating: 0, count: length)
    }

    /// Makes this page a copy of `other`, all but the checksum: a page gets its own when it is
    /// written, and a checkpoint may be setting that of `other` at this moment.
    @inlinable
    public func copyAll(of other: PageBytes) {
        let start = PageLayout.pageNumber
        unsafe (base + start).copyMemory(
            from: other.base + start, byteCount: PageLayout.pageSize &- start)
    }

    // MARK: The header

    /// The page's own number.
    @inlinable public var number: PageNumber { u32(PageLayout.pageNumber) }
    /// The transaction that wrote the page.
    @inlinable public var birth: TransactionNumber { u64(PageLayout.birth) }
    /// What the page holds, as stored.
    @inlinable public var rawKind: UInt8 { u8(PageLayout.kind) }
    /// Height above the leaves.
    @inlinable public var level: UInt8 { u8(PageLayout.level) }

    /// Writes a fresh header and zeros the kind's own fields; the content stays as it is.
    @inlinable
    public func writeHeader(
        number: PageNumber, birth: TransactionNumber, kind: PageKind, level: UInt8 = 0
    ) {
        zero(0, count: PageLayout.headerSize)
        store(number, at: PageLayout.pageNumber)
        store(birth, at: PageLayout.birth)
        store(kind.rawValue, at: PageLayout.kind)
        store(level, at: PageLayout.level)
    }
}
