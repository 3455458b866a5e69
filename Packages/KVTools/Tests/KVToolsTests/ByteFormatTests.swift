@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

@Suite struct ByteFormatTests {
    func encode(_ bytes: [UInt8], _ format: ByteFormat) -> String {
        String(decoding: withByteView(of: bytes) { format.encode($0) }, as: UTF8.self)
    }

    @Test(
        arguments: [
            ([], "", "", ""),
            (Array("abc".utf8), "abc", "616263", "YWJj"),
            ([0x00, 0xFF], #"\x00\xff"#, "00ff", "AP8="),
            (Array("a\tb\nc\rd\\".utf8), #"a\tb\nc\rd\\"#, "6109620a630d645c", "YQliCmMNZFw="),
            (Array("é漢🙂".utf8), "é漢🙂", "c3a9e6bca2f09f9982", "w6nmvKLwn5mC"),
            // A control, a formatting and an unassigned character beyond ASCII; half a character.
            ([0xC2, 0x85], #"\xc2\x85"#, "c285", "woU="),
            ([0xE2, 0x80, 0xAE], #"\xe2\x80\xae"#, "e280ae", "4oCu"),
            ([0x7F, 0xE6, 0xBC], #"\x7f\xe6\xbc"#, "7fe6bc", "f+a8"),
            ([0xED, 0xA0, 0x80], #"\xed\xa0\x80"#, "eda080", "7aCA"),
        ] as [([UInt8], String, String, String)])
    func knownForms(bytes: [UInt8], escaped: String, hex: String, base64: String) throws {
        #expect(encode(bytes, .escaped) == escaped)
        #expect(encode(bytes, .hex) == hex)
        #expect(encode(bytes, .base64) == base64)
    }

    @Test(arguments: ByteFormat.allCases)
    func everyFormRoundTripsBySeed(format: ByteFormat) throws {
        for seed in Seeds.first(300) {
            var random = SeededRandom(seed: seed)
            let bytes = random.bytes(0...60)
            let text = withByteView(of: bytes) { format.encode($0) }
            #expect(try format.decode(text) == bytes, "\(format). \(Seeds.again(seed))")
            if format != .text {
                #expect(
                    !text.contains(0x0A) && !text.contains(0x09), "\(format). \(Seeds.again(seed))")
            }
        }
    }

    @Test(arguments: [
        (ByteFormat.escaped, #"\"#), (.escaped, #"\q"#), (.escaped, #"\x1"#), (.escaped, #"\xg0"#),
        (.hex, "1"), (.hex, "0g"), (.base64, "A"), (.base64, "A==="), (.base64, "AA*="),
        (.base64, "AAAAA"), (.base64, "=AAA"),
    ])
    func whatIsNotInTheFormIsRefused(format: ByteFormat, text: String) {
        #expect(thrownCode { _ = try format.decode(Array(text.utf8)) } == .invalidArgument)
    }

    @Test func decodingIsAsLenientAsItIsSafe() throws {
        #expect(try ByteFormat.hex.decode(Array("FfaB".utf8)) == [0xFF, 0xAB])
        #expect(try ByteFormat.base64.decode(Array("AP8".utf8)) == [0, 0xFF])
        #expect(try ByteFormat.escaped.decode([0xFF, 0x80]) == [0xFF, 0x80])
    }
}
