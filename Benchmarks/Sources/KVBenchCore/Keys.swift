@_spi(Engine) import KVDB
import StorageIO

/// The order in which a store's keys come, as its entries are numbered 0, 1, 2 …
public enum KeyOrder: String, Codable, Sendable {
    /// Spread over the key space: eight bytes of a permutation of the number, then the number.
    case hashed
    /// Ascending: the number twice.
    case ascending
}

/// How entries are numbered and what their keys and values are: the same for every engine.
public enum Keys {
    /// Bytes of a key.
    public static let byteCount = 16

    /// A permutation of the 64-bit numbers that spreads neighbours (the finalizer of MurmurHash3).
    public static func permuted(_ number: UInt64) -> UInt64 {
        var word = number
        word ^= word >> 33
        word &*= 0xff51_afd7_ed55_8ccd
        word ^= word >> 33
        word &*= 0xc4ce_b9fe_1a85_ec53
        word ^= word >> 33
        return word
    }

    /// The number whose permutation is `word`.
    public static func unpermuted(_ word: UInt64) -> UInt64 {
        var number = word
        number ^= number >> 33
        number &*= 0x9cb4_b2f8_1293_37db
        number ^= number >> 33
        number &*= 0x4f74_430c_22a5_4005
        number ^= number >> 33
        return number
    }

    /// The numbers below `count` in the order of their hashed keys.
    static func numbersInKeyOrder(_ count: Int) -> [UInt64] {
        var words = (0..<UInt64(count)).map(permuted)
        words.sort()
        return words.map(unpermuted)
    }

    /// The first eight bytes of the key of `number`, as a number; the other eight are `number`.
    @inline(__always)
    static func head(_ number: UInt64, _ order: KeyOrder) -> UInt64 {
        order == .hashed ? permuted(number) : number
    }
}

/// Memory of a fixed size that keys or values are made in. It belongs to one thread.
///
/// It is never given back: views don't keep it alive, and Swift may end an object right after its last
/// use, while the view that it lent is still on its way to an engine. A run makes a handful of them.
@safe final class ByteBuffer {
    private let memory: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        self.count = count
        unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16), alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    /// Bytes of the buffer, as a view that is good until they are written again.
    @inline(__always)
    func view(at offset: Int = 0, count: Int) -> ByteView {
        unsafe ByteView(start: UnsafeRawPointer(memory + offset), count: count)
    }

    /// Writes a number, most significant byte first.
    @inline(__always)
    func store(_ number: UInt64, at offset: Int) {
        unsafe memory.storeBytes(of: number.bigEndian, toByteOffset: offset, as: UInt64.self)
    }
}

/// Makes keys, one thread's.
final class KeyMaker {
    private let buffer: ByteBuffer
    let order: KeyOrder

    /// - Parameter places: how many keys can be used at a time.
    init(_ order: KeyOrder, places: Int = 1) {
        self.order = order
        buffer = ByteBuffer(count: places * Keys.byteCount)
    }

    /// The key of an entry; good until the next one in the same place.
    @inline(__always)
    func key(_ number: UInt64, place: Int = 0) -> ByteView {
        let offset = place * Keys.byteCount
        buffer.store(Keys.head(number, order), at: offset)
        buffer.store(number, at: offset + 8)
        return buffer.view(at: offset, count: Keys.byteCount)
    }
}

/// Lends values: windows of one pool of random bytes, so that no two neighbours are alike and making
/// one costs nothing.
final class ValueMaker {
    private let pool: ByteBuffer
    private let poolByteCount: Int
    let byteCount: Int

    /// - Parameters:
    ///   - byteCount: bytes of a value.
    ///   - poolByteCount: bytes of the pool, a power of two.
    init(byteCount: Int, poolByteCount: Int = 1 << 20) {
        self.byteCount = byteCount
        self.poolByteCount = poolByteCount
        pool = ByteBuffer(count: poolByteCount + byteCount + 8)
        var random = Random(seed: 0x5eed)
        for offset in stride(from: 0, to: poolByteCount + byteCount, by: 8) {
            pool.store(random.next(), at: offset)
        }
    }

    /// The value of an entry in a generation of values: updates use another than loads.
    @inline(__always)
    func value(_ number: UInt64, generation: UInt64 = 0) -> ByteView {
        let mixed = (number &+ generation &* 7919) &* 0x9e37_79b9_7f4a_7c15
        let offset = Int(mixed >> 40) & (poolByteCount - 1)
        return pool.view(at: offset, count: byteCount)
    }
}
