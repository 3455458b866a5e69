import StorageIO

/// Memory that text is made in, from its start on.
///
/// A value of its own, which a loop keeps in registers. `@safe`: who makes it promises room for all that
/// is to be stored, and for ``slack`` bytes more.
@safe struct TextRoom {
    /// What is stored at once may reach so far beyond what counts of it.
    static let slack = 16

    private let start: UnsafeMutableRawPointer
    private var next: UnsafeMutableRawPointer

    init(_ start: UnsafeMutableRawPointer) {
        unsafe self.start = start
        unsafe next = start
    }

    /// How many bytes were stored.
    var count: Int { unsafe next - start }

    /// Stores up to eight bytes, the first one lowest, of which `length` count.
    @inline(__always)
    mutating func store(_ form: UInt64, _ length: Int) {
        unsafe next.storeBytes(of: form.littleEndian, as: UInt64.self)
        unsafe next += length
    }

    /// Stores up to four bytes, the first one lowest, of which `length` count.
    @inline(__always)
    mutating func store(_ form: UInt32, _ length: Int) {
        unsafe next.storeBytes(of: form.littleEndian, as: UInt32.self)
        unsafe next += length
    }

    /// Stores sixteen bytes, of which `length` count.
    @inline(__always)
    mutating func store(_ block: ByteBlock, _ length: Int) {
        unsafe next.storeBytes(of: block, as: ByteBlock.self)
        unsafe next += length
    }
}

/// Sixteen bytes that are looked at together.
typealias ByteBlock = SIMD16<UInt8>

// By arithmetic within each byte, which leaves the answer in its high bit: comparisons of vectors are loops.
extension ByteBlock {
    /// Whether any byte is beyond ASCII.
    @inline(__always)
    var isBeyondASCII: Bool { !MarkedBytes(self).isEmpty }

    /// The bytes that ``EscapeTable/escaped`` changes, and those beyond ASCII.
    @inline(__always)
    var notPlain: MarkedBytes {
        MarkedBytes(self | controls | zeros(self ^ Self(repeating: 0x5C)))
    }

    /// The bytes that ``EscapeTable/quoted`` changes, and those that a character may begin with which it
    /// changes: 0xC2 and 0xE2.
    @inline(__always)
    var notQuotable: MarkedBytes {
        let marks = zeros(self ^ Self(repeating: 0x5C)) | zeros(self ^ Self(repeating: 0x22))
        let leads = (self | Self(repeating: 0x20)) ^ Self(repeating: 0xE2)
        return MarkedBytes((controls | marks) & ~self | zeros(leads) & ~leads)
    }

    /// The high bit where an ASCII byte is a control character; anything beyond ASCII.
    @inline(__always)
    private var controls: Self {
        // Less than 0x20, or 0x7F.
        (self &- Self(repeating: 0x20)) | (self &+ Self(repeating: 1))
    }

    /// The high bit where a byte below 0x80 is zero; anything for the others.
    @inline(__always)
    private func zeros(_ bytes: Self) -> Self { bytes &- Self(repeating: 1) }
}

/// Which bytes of a block are of a kind.
struct MarkedBytes {
    /// In memory's order, the first byte lowest; of each byte, the high bit says it.
    private let low: UInt64
    private let high: UInt64

    /// - Parameter block: of each byte, the high bit counts.
    @inline(__always)
    init(_ block: ByteBlock) {
        let marks = block & ByteBlock(repeating: 0x80)
        let words = unsafe unsafeBitCast(marks, to: SIMD2<UInt64>.self)
        (low, high) = (words.x.littleEndian, words.y.littleEndian)
    }

    @inline(__always)
    var isEmpty: Bool { low | high == 0 }

    /// How many bytes come before the first marked one; 16 when there is none.
    @inline(__always)
    var leadingLength: Int {
        let first = low.trailingZeroBitCount &>> 3
        let second = high.trailingZeroBitCount &>> 3
        // Without a branch: the second counts when the first is eight.
        return first &+ (second & (0 &- (first &>> 3)))
    }

    /// How many bytes are marked.
    @inline(__always)
    var count: Int {
        let pairs = (low &>> 7) &+ (high &>> 7)
        return Int(truncatingIfNeeded: (pairs &* 0x0101_0101_0101_0101) &>> 56)
    }
}

extension ByteView {
    /// The sixteen bytes from `index` on; nil where fewer are left.
    @inline(__always)
    func block(at index: Int) -> ByteBlock? {
        guard index &+ 16 <= count else { return nil }
        return unsafe start.loadUnaligned(fromByteOffset: index, as: ByteBlock.self)
    }

    /// The four bytes from `index` on, the first one lowest, with zeros for those beyond the end.
    @inline(__always)
    func quarter(at index: Int) -> UInt32 {
        guard index &+ 4 <= count else { return quarterAtEnd(index) }
        return unsafe UInt32(
            littleEndian: start.loadUnaligned(fromByteOffset: index, as: UInt32.self))
    }

    @inline(never)
    private func quarterAtEnd(_ index: Int) -> UInt32 {
        var word: UInt32 = 0
        for place in index..<count { word |= UInt32(self[place]) << UInt32(8 * (place - index)) }
        return word
    }
}
