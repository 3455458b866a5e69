import PageStore
import StorageIO

/// Puts the keys of one leaf together, one after the other, without calls or checks that a step
/// needs only once a leaf: what a scan runs for every entry.
///
/// Owns room for one key. `@safe`: lengths come from a leaf that was checked when it entered the cache
/// (R7) and are cut to the room and to the page all the same.
@safe struct LeafScan: ~Copyable {
    /// Room for the longest key, and for copying in pieces of eight bytes.
    private static var capacity: Int { TreeLimits.maximumKeyLength + 64 }

    private let key: UnsafeMutableRawPointer
    private var page: PageBytes
    private var prefixLength = 0
    private var tails = 0

    init(_ leaf: Node) {
        unsafe key = .allocate(byteCount: Self.capacity, alignment: 8)
        page = leaf.page
        enter(leaf)
    }

    deinit { unsafe key.deallocate() }

    /// Goes on in another leaf, or in the same one after others could have changed it.
    mutating func enter(_ leaf: Node) {
        page = leaf.page
        let prefix = leaf.prefix.prefix(TreeLimits.maximumKeyLength)
        unsafe key.copyMemory(from: prefix.start, byteCount: prefix.count)
        prefixLength = prefix.count
        tails = leaf.tailOffset(0)
    }

    /// The key of slot `index`, valid until the next call, and its value.
    @inline(__always)
    mutating func entry(_ index: Int) -> (key: ByteView, value: LeafValue) {
        let locator = page.u32(tails &+ index &* NodeLayout.leafTailSize)
        let cell = Int(locator & 0xFFFF)
        let suffixLength = min(
            Int(locator &>> 16), TreeLimits.maximumKeyLength &- prefixLength)
        let restLength = max(0, suffixLength &- NodeLayout.headSize)
        let mark = page.u16(cell)
        let isOverflow = mark == NodeLayout.overflowMark
        let rest =
            cell &+ (isOverflow ? NodeLayout.overflowFieldSize : NodeLayout.inlineFieldSize)
        // The room behind the key is there, so the head may be stored whole.
        let head = page.u32(NodeLayout.heads &+ index &* NodeLayout.headSize)
        unsafe key.storeBytes(of: head.bigEndian, toByteOffset: prefixLength, as: UInt32.self)
        copyRest(from: rest, count: restLength)
        let whole = unsafe ByteView(
            start: UnsafeRawPointer(key), count: prefixLength &+ suffixLength)
        if isOverflow {
            return (
                whole, .overflow(page: page.u32(cell + 2), byteCount: Int(page.u32(cell + 6)))
            )
        }
        return (whole, .inline(page.bytes(rest &+ restLength, count: Int(mark))))
    }

    /// Copies a key's bytes beyond its head: in pieces, since most keys are short, and a call that
    /// copies any number costs more than they do.
    @inline(__always)
    private func copyRest(from offset: Int, count: Int) {
        guard count > 0 else { return }
        let target = unsafe key + prefixLength + NodeLayout.headSize
        if count <= 16, offset <= PageLayout.pageSize - 16 {
            unsafe target.storeBytes(
                of: page.load(offset, as: UInt64.self).littleEndian, as: UInt64.self)
            unsafe (target + 8).storeBytes(
                of: page.load(offset + 8, as: UInt64.self).littleEndian, as: UInt64.self)
        } else {
            let bytes = page.bytes(offset, count: count)
            unsafe target.copyMemory(from: bytes.start, byteCount: bytes.count)
        }
    }
}
