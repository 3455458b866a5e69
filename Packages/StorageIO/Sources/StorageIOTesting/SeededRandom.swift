/// Random numbers that a seed repeats, the same on every platform and in every version, so that a
/// failing random test can be run again.
///
/// The generator is xoshiro256** (D. Blackman and S. Vigna, "Scrambled Linear Pseudorandom Number
/// Generators", 2021), its state filled from the seed by SplitMix64, as its authors advise.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// The numbers that `seed` stands for. Near seeds give unrelated numbers.
    public init(seed: UInt64) {
        var mixer = seed
        func split() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var mixed = mixer
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
        state = (split(), split(), split(), split())
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// A number in `0 ..< limit`; 0 when `limit` is 0 or less.
    ///
    /// By multiplication (D. Lemire, "Fast Random Integer Generation in an Interval", 2019) without
    /// the rejection step: the bias is below 2⁻³² for limits that tests use.
    public mutating func below(_ limit: Int) -> Int {
        limit <= 0 ? 0 : Int(UInt64(limit).multipliedFullWidth(by: next()).high)
    }

    /// A number in `range`.
    public mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True once in `count` times.
    public mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    /// `count` random bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            var word = next()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
