import StorageIO

/// Which characters beyond ASCII may be printed as they are: not those that could fool a terminal or a
/// reader (control, formatting, unassigned). Remembers those of every 64 that one was asked for of.
struct PrintableCharacters {
    /// One bit for each character, those of every 64 in one word.
    private var words: [UInt64] = []
    /// Which words are known.
    private var isKnown: [Bool] = []

    /// Whether a character, which is no surrogate, may be printed. O(1).
    @inline(__always)
    mutating func contains(_ character: UInt32) -> Bool {
        let place = Int(character &>> 6)
        if place >= words.count || !isKnown[place] { learn(place) }
        return words[place] &>> UInt64(character & 63) & 1 != 0
    }

    @inline(never)
    private mutating func learn(_ place: Int) {
        if words.isEmpty {
            words = [UInt64](repeating: 0, count: 0x11_0000 / 64)
            isKnown = [Bool](repeating: false, count: words.count)
        }
        for bit in 0..<64 as Range<UInt32> {
            guard let scalar = Unicode.Scalar(UInt32(place) << 6 + bit) else { continue }
            if Self.isPrintable(scalar) { words[place] |= 1 << UInt64(bit) }
        }
        isKnown[place] = true
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            false
        default: true
        }
    }
}
