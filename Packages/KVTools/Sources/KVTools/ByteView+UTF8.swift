import StorageIO

/// A character of UTF-8 beyond ASCII.
struct EncodedCharacter {
    let value: UInt32
    /// How many bytes it has; 0 when the bytes are no character.
    let length: Int

    /// The character that the lowest bytes of `word` are, the first one lowest, if that is a whole and legal
    /// one (the Unicode Standard, table 3-7).
    @inline(__always)
    init(_ word: UInt32) {
        let second = word &>> 8 & 0x3F
        let third = word &>> 16 & 0x3F
        switch word & 0xFF {
        case 0xC2...0xDF where word & 0xC000 == 0x8000:
            self.init(value: (word & 0x1F) &<< 6 | second, length: 2)
        case 0xE0...0xEF where word & 0xC0_C000 == 0x80_8000:
            let value = (word & 0x0F) &<< 12 | second &<< 6 | third
            // A longer form than needed, or a surrogate.
            let isLegal = value >= 0x800 && value & 0xF800 != 0xD800
            self.init(value: value, length: isLegal ? 3 : 0)
        case 0xF0...0xF4 where word & 0xC0C0_C000 == 0x8080_8000:
            let fourth = word &>> 24 & 0x3F
            let value = (word & 0x07) &<< 18 | second &<< 12 | third &<< 6 | fourth
            self.init(value: value, length: 0x1_0000...0x10_FFFF ~= value ? 4 : 0)
        default: self.init(value: 0, length: 0)
        }
    }

    @inline(__always)
    private init(value: UInt32, length: Int) {
        self.value = value
        self.length = length
    }
}

/// Recognizes UTF-8 byte by byte without a branch: one state of the automaton is six bits, and for each byte
/// there is a word with what every state becomes, so that a step is one shift ("Shift-based DFAs", Vognsen
/// 2021).
struct UTF8Automaton {
    /// What may come next; the raw value is where a state lies in a word.
    private enum State: UInt64, CaseIterable {
        case illegal = 0
        /// A character begins.
        case whole = 6
        /// So many bytes of any kind are missing.
        case one = 12
        case two = 18
        case three = 24
        /// After 0xE0, 0xED, 0xF0 and 0xF4 not every byte may follow.
        case afterE0 = 30
        case afterED = 36
        case afterF0 = 42
        case afterF4 = 48

        /// The state after a byte (the Unicode Standard, table 3-7).
        func next(_ byte: UInt8) -> State {
            switch (self, byte) {
            case (.whole, 0x00...0x7F): .whole
            case (.whole, 0xC2...0xDF): .one
            case (.whole, 0xE0): .afterE0
            case (.whole, 0xED): .afterED
            case (.whole, 0xE1...0xEF): .two
            case (.whole, 0xF0): .afterF0
            case (.whole, 0xF4): .afterF4
            case (.whole, 0xF1...0xF3): .three
            case (.one, 0x80...0xBF): .whole
            case (.two, 0x80...0xBF), (.afterE0, 0xA0...0xBF), (.afterED, 0x80...0x9F): .one
            case (.three, 0x80...0xBF), (.afterF0, 0x90...0xBF), (.afterF4, 0x80...0x8F): .two
            default: .illegal
            }
        }
    }

    private static let words = (UInt8.min...UInt8.max).map { byte in
        State.allCases.reduce(0) { $0 | $1.next(byte).rawValue << $1.rawValue }
    }

    private let words = Self.words
    /// Above the six bits of the state there is something else.
    private var state = State.whole.rawValue

    /// Whether all characters so far are legal and whole.
    var isWhole: Bool { state & 63 == State.whole.rawValue }
    /// Whether anything illegal was seen.
    var isIllegal: Bool { state & 63 == State.illegal.rawValue }

    @inline(__always)
    mutating func take(_ byte: UInt8) { state = words[Int(byte)] &>> state }
}

extension ByteView {
    /// Whether the bytes are UTF-8. O(n).
    var isUTF8: Bool {
        var automaton = UTF8Automaton()
        var index = 0
        while index < count {
            if automaton.isWhole, let block = block(at: index), !block.isBeyondASCII {
                index &+= 16
                continue
            }
            // Text that is not ASCII seldom is again soon.
            let end = min(index &+ 64, count)
            while index < end {
                automaton.take(self[index])
                index &+= 1
            }
            if automaton.isIllegal { return false }
        }
        return automaton.isWhole
    }

    /// The last place up to `limit` where no character of UTF-8 is cut in two.
    func lastCharacterStart(before limit: Int) -> Int {
        var place = limit
        // At most three bytes follow a character's first; more belong to none, and may be cut anywhere.
        while place > limit - 4, self[place] & 0xC0 == 0x80 { place -= 1 }
        return self[place] & 0xC0 == 0x80 ? limit : place
    }
}
