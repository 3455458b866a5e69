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

    /// Lends `count` entries from slot `first` on, downwards when `reverse`, up to one whose value lies in
    /// an overflow run: the loop that nearly all of a scan is spent in, so it calls nothing but `body` while
    /// keys are short.
    ///
    /// - Parameter body: gets key and value, valid until it returns, and says whether to go on.
    /// - Returns: how many were lent, and whether `body` wants more.
    @inline(__always)
    func lend(
        _ count: Int, from first: Int, reverse: Bool, _ ahead: inout LeafAhead,
        _ body: (ByteView, ByteView) throws(StorageError) -> Bool
    ) throws(StorageError) -> (count: Int, goesOn: Bool) {
        let page = self.page
        let whole = unsafe UnsafeRawPointer(key)
        let afterPrefix = unsafe key + prefixLength
        let longest = TreeLimits.maximumKeyLength &- prefixLength
        let step = reverse ? -1 : 1
        var index = first
        var lent = 0
        while lent < count {
            ahead.advance()
            let locator = page.u32(tails &+ index &* NodeLayout.leafTailSize)
            let cell = Int(locator & 0xFFFF)
            let length = page.u16(cell)
            guard length != NodeLayout.overflowMark else { return (lent, true) }
            let suffixLength = min(Int(locator &>> 16), longest)
            let restLength = max(0, suffixLength &- NodeLayout.headSize)
            let rest = cell &+ NodeLayout.inlineFieldSize
            unsafe Self.copySuffix(of: page, index, restAt: rest, restLength, to: afterPrefix)
            let isWanted = try unsafe body(
                ByteView(start: whole, count: prefixLength &+ suffixLength),
                page.bytes(rest &+ restLength, count: Int(length)))
            lent &+= 1
            index &+= step
            if !isWanted { return (lent, false) }
        }
        return (lent, true)
    }

    /// The key of slot `index`, valid until the next call, and its value, wherever that lies.
    func entry(_ index: Int) -> (key: ByteView, value: LeafValue) {
        let locator = page.u32(tails &+ index &* NodeLayout.leafTailSize)
        let cell = Int(locator & 0xFFFF)
        let suffixLength = min(
            Int(locator &>> 16), TreeLimits.maximumKeyLength &- prefixLength)
        let restLength = max(0, suffixLength &- NodeLayout.headSize)
        let length = page.u16(cell)
        let isOverflow = length == NodeLayout.overflowMark
        let rest =
            cell &+ (isOverflow ? NodeLayout.overflowFieldSize : NodeLayout.inlineFieldSize)
        unsafe Self.copySuffix(of: page, index, restAt: rest, restLength, to: key + prefixLength)
        let whole = unsafe ByteView(
            start: UnsafeRawPointer(key), count: prefixLength &+ suffixLength)
        if isOverflow {
            return (
                whole, .overflow(page: page.u32(cell + 2), byteCount: Int(page.u32(cell + 6)))
            )
        }
        return (whole, .inline(page.bytes(rest &+ restLength, count: Int(length))))
    }

    /// Copies a key's bytes beyond the prefix, its head and the rest that lies in the cell: in pieces,
    /// since most keys are short, and a call that copies any number costs more than they do.
    @inline(__always)
    private static func copySuffix(
        of page: PageBytes, _ index: Int, restAt offset: Int, _ restLength: Int,
        to target: UnsafeMutableRawPointer
    ) {
        // The room behind the key is there, so head and pieces may be stored whole.
        let head = page.u32(NodeLayout.heads &+ index &* NodeLayout.headSize)
        unsafe target.storeBytes(of: head.bigEndian, as: UInt32.self)
        let rest = unsafe target + NodeLayout.headSize
        if restLength <= 16, offset <= PageLayout.pageSize - 16 {
            unsafe rest.storeBytes(
                of: page.load(offset, as: UInt64.self).littleEndian, as: UInt64.self)
            unsafe (rest + 8).storeBytes(
                of: page.load(offset + 8, as: UInt64.self).littleEndian, as: UInt64.self)
        } else {
            let bytes = page.bytes(offset, count: restLength)
            unsafe rest.copyMemory(from: bytes.start, byteCount: bytes.count)
        }
    }
}
