import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Which bytes are UTF-8, held against the standard library's answer.
@Suite struct UTF8AutomatonTests {
    private func expectSameAnswer(_ bytes: [UInt8], _ what: String = "") {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        let isSame = withByteView(of: bytes) { $0.isUTF8 } == isText
        #expect(isSame, "\(what.isEmpty ? "\(bytes)" : what)")
    }

    @Test func everyPairOfBytes() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max { expectSameAnswer([first, second]) }
        }
    }

    /// Three and four bytes: those on both sides of each bound that the standard draws.
    @Test func longerCharactersAtTheirBounds() {
        let leads: [UInt8] = [
            0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5,
        ]
        let others: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
        for lead in leads {
            for second in others {
                for third in others {
                    expectSameAnswer([lead, second, third])
                    for fourth in others { expectSameAnswer([lead, second, third, fourth]) }
                }
            }
        }
    }

    /// One wrong, missing or superfluous byte, wherever it stands in a text.
    @Test(arguments: [
        "plain text of seven bits, longer than some blocks of it; ", "Größe 漢字 🙂 of both ",
    ])
    func oneWrongByte(words: String) {
        let text = Array(repeatElement(Array(words.utf8), count: 4).joined())
        expectSameAnswer(text)
        for place in 0...text.count {
            expectSameAnswer(Array(text.prefix(place)), "cut at \(place)")
            for byte: UInt8 in [0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xFF] {
                var more = text
                more.insert(byte, at: place)
                expectSameAnswer(more, "\(byte) at \(place)")
                guard place < text.count else { continue }
                var other = text
                other[place] = byte
                expectSameAnswer(other, "\(byte) in place of \(place)")
            }
        }
    }

    @Test func noise() {
        for seed in Seeds.first(200) {
            var random = SeededRandom(seed: seed)
            // Few kinds of bytes, so that many are whole characters.
            let kinds: [UInt8] = [0x41, 0xC3, 0xA9, 0xE2, 0x80, 0xA8, 0xF0, 0x9F]
            for _ in 0..<50 {
                let count = random.number(in: 0...100)
                expectSameAnswer(
                    (0..<count).map { _ in kinds[random.number(in: 0...7)] }, Seeds.again(seed))
            }
        }
    }
}
