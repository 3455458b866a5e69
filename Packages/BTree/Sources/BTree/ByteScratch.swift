import StorageIO

/// A growing run of bytes that a structural change works in.
///
/// `@safe`: it owns its memory and every access is inside it; views are valid until the next append,
/// which may move the bytes.
@safe final class ByteScratch {
    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        unsafe start = .allocate(byteCount: max(capacity, 16), alignment: 8)
        self.capacity = max(capacity, 16)
    }

    deinit { unsafe start.deallocate() }

    /// Adds bytes, which may not lie in this scratch, and says where.
    @discardableResult
    func append(_ bytes: ByteView) -> Int {
        reserve(bytes.count)
        unsafe (start + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count += bytes.count
        return count - bytes.count
    }

    /// Adds the first `byteCount` (at most 4) bytes of a head.
    func append(head: UInt32, byteCount: Int) {
        reserve(4)
        unsafe (start + count).storeBytes(of: head.bigEndian, as: UInt32.self)
        count += min(max(byteCount, 0), 4)
    }

    /// Adds an integer, little-endian.
    func append(integer: UInt32) {
        reserve(4)
        unsafe (start + count).storeBytes(of: integer.littleEndian, as: UInt32.self)
        count += 4
    }

    /// Adds a key in its three parts, of the head the first `headLength` bytes, at most all four, and says
    /// where.
    func appendKey(
        _ prefix: ByteView, head: UInt32, _ headLength: Int, _ rest: ByteView
    ) -> Int {
        let offset = count
        reserve(prefix.count + 4 + rest.count + 8)
        unsafe Self.copyShort(prefix, to: start + count)
        count += prefix.count
        unsafe (start + count).storeBytes(of: head.bigEndian, as: UInt32.self)
        count += min(max(headLength, 0), 4)
        unsafe Self.copyShort(rest, to: start + count)
        count += rest.count
        return offset
    }

    /// Copies bytes of which there are few, most of the time: a call would cost more than they do.
    @inline(__always)
    private static func copyShort(_ bytes: ByteView, to target: UnsafeMutableRawPointer) {
        if bytes.count >= 8, bytes.count <= 16 {
            // Two words that overlap.
            let last = bytes.count - 8
            let low = unsafe bytes.start.loadUnaligned(as: UInt64.self)
            let high = unsafe bytes.start.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            unsafe target.storeBytes(of: low, as: UInt64.self)
            unsafe target.storeBytes(of: high, toByteOffset: last, as: UInt64.self)
        } else if bytes.count < 8 {
            for index in 0..<bytes.count {
                unsafe target.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self)
            }
        } else {
            unsafe target.copyMemory(from: bytes.start, byteCount: bytes.count)
        }
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        unsafe moved.copyMemory(from: start, byteCount: count)
        unsafe start.deallocate()
        unsafe start = moved
        capacity = larger
    }

    /// The bytes from `offset`, cut to what there is.
    func view(_ offset: Int, _ length: Int) -> ByteView {
        let from = min(max(offset, 0), count)
        return unsafe ByteView(
            start: UnsafeRawPointer(start + from), count: min(max(length, 0), count - from))
    }

    /// Forgets everything from `length` on.
    func truncate(to length: Int) { count = min(max(length, 0), count) }

    /// Forgets everything before `offset`; what follows moves to the front.
    func dropFirst(_ offset: Int) {
        let rest = view(offset, count - offset)
        unsafe start.copyMemory(from: rest.start, byteCount: rest.count)
        count = rest.count
    }
}

extension ByteScratch {
    /// Puts a whole key of `node` together and says where it begins.
    func appendKey(of node: Node, _ index: Int) -> Int {
        let prefix = node.prefix
        let rest = node.rest(index)
        let headLength = min(node.suffixLength(index), NodeLayout.headSize)
        return appendKey(prefix, head: node.head(index), headLength, rest)
    }
}

/// The key that a cursor or scan stands on. Of a value type: a copy is made before a shared one
/// changes.
struct KeyBuffer: @unchecked Sendable {
    // Sendable: the storage is changed only while this value is its one owner.
    private var scratch: ByteScratch
    private var prefixBytes = 0

    init() { scratch = ByteScratch(capacity: 128) }

    /// The key.
    var view: ByteView { scratch.view(0, scratch.count) }

    private mutating func makeUnique() {
        guard !isKnownUniquelyReferenced(&scratch) else { return }
        let copy = ByteScratch(capacity: scratch.count)
        copy.append(view)
        scratch = copy
    }

    /// Takes the key of slot `index`.
    mutating func take(_ node: Node, _ index: Int) {
        makeUnique()
        scratch.truncate(to: 0)
        _ = scratch.appendKey(of: node, index)
        prefixBytes = node.prefixLength
    }

    /// Takes another key of the node that the last one came from: the prefix stays.
    mutating func takeNext(_ node: Node, _ index: Int) {
        makeUnique()
        scratch.truncate(to: prefixBytes)
        scratch.append(
            head: node.head(index), byteCount: min(node.suffixLength(index), NodeLayout.headSize))
        scratch.append(node.rest(index))
    }
}
