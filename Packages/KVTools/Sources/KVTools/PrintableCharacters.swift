import StorageIO

/// Which characters beyond ASCII may be printed as they are: not those that could fool a terminal or a
/// reader (control, formatting, unassigned). Remembers those of the basic plane.
final class PrintableCharacters {
    /// 0 for one not asked for yet, else 1 or 2.
    private var known: [UInt8] = []

    /// How many bytes the printable character at `start` has; 0 when there is none.
    func length(_ bytes: ByteView, at start: Int) -> Int {
        guard let (scalar, length) = bytes.scalar(at: start) else { return 0 }
        if known.isEmpty { known = [UInt8](repeating: 0, count: 0x10000) }
        guard scalar.value < 0x10000 else { return Self.isPrintable(scalar) ? length : 0 }
        let place = Int(scalar.value)
        if known[place] == 0 { known[place] = Self.isPrintable(scalar) ? 1 : 2 }
        return known[place] == 1 ? length : 0
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

extension ByteView {
    /// The character of UTF-8 beyond ASCII that begins at `index`, if there is a whole and legal one
    /// (the Unicode Standard, table 3-7).
    fileprivate func scalar(at index: Int) -> (Unicode.Scalar, length: Int)? {
        let lead = self[index]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead <= 0xF4, index + length <= count else { return nil }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for place in index + 1..<index + length {
            guard self[place] & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(self[place] & 0x3F)
        }
        // A longer form than needed, a surrogate, or beyond the last character.
        guard length == 2 || value >= (length == 3 ? 0x800 : 0x10000),
            let scalar = Unicode.Scalar(value)
        else { return nil }
        return (scalar, length)
    }
}
