import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

@Suite struct LZ4FrameTests {
    /// What the `lz4` command, version 1.9.4, makes of "hello hello hello hello\n".
    static let golden: [UInt8] = [
        0x04, 0x22, 0x4D, 0x18, 0x64, 0x40, 0xA7, 0x0F, 0x00, 0x00, 0x00, 0x69,
        0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x20, 0x06, 0x00, 0x50, 0x65, 0x6C, 0x6C,
        0x6F, 0x0A, 0x00, 0x00, 0x00, 0x00, 0xE2, 0xFF, 0x03, 0x42,
    ]

    func pack(_ plain: [UInt8]) throws -> [UInt8] {
        let output = MemoryOutput()
        let encoder = try LZ4FrameEncoder(output)
        try withByteView(of: plain) { view throws(StorageError) in try encoder.write(view) }
        try encoder.finish()
        return output.bytes
    }

    func unpack(_ packed: [UInt8], piece: Int = 65_536) throws(StorageError) -> [UInt8] {
        try readAll(try LZ4FrameDecoder(PiecewiseInput(packed, piece: piece)))
    }

    func sample(_ seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        let word = random.bytes(1...20)
        let times = Int.random(in: 0...20_000, using: &random)
        return Array(repeatElement(word, count: times).joined()) + random.bytes(0...70_000)
    }

    @Test func aFrameOfTheCommandIsRead() throws {
        #expect(try unpack(Self.golden) == Array("hello hello hello hello\n".utf8))
        #expect(try unpack(Self.golden, piece: 1) == Array("hello hello hello hello\n".utf8))
    }

    @Test func roundTripBySeed() throws {
        for seed in Seeds.first(8) {
            let plain = sample(seed)
            let packed = try pack(plain)
            #expect(LZ4FrameDecoder.recognises(packed))
            // The flag byte says version 1, linked blocks, content checksum.
            #expect(packed[4] == 0x44)
            #expect(try unpack(packed, piece: 999) == plain, "\(Seeds.again(seed))")
        }
        #expect(try unpack(try pack([])) == [])
    }

    @Test func framesAreJoinedAndSkippableOnesSkipped() throws {
        let skippable: [UInt8] = [0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let text = Array("hello hello hello hello\n".utf8)
        #expect(LZ4FrameDecoder.recognises(skippable))
        #expect(try unpack(skippable + Self.golden + skippable + Self.golden) == text + text)
    }

    @Test func everyFlippedByteIsRefused() throws {
        let packed = try pack(Array("one two one two one two one two three".utf8))
        for index in packed.indices {
            var damaged = packed
            damaged[index] ^= 0x10
            #expect(
                [.damaged, .truncated].contains(thrownCode { _ = try unpack(damaged) }),
                "byte \(index)")
        }
    }

    @Test func everyCutIsRefused() throws {
        let packed = try pack(sample(3))
        for length in [1, 4, 7, 15, 16, 100, packed.count / 2, packed.count - 4, packed.count - 1] {
            #expect(
                thrownCode { _ = try unpack(Array(packed.prefix(length))) } == .truncated,
                "length \(length)")
        }
        #expect(thrownCode { _ = try unpack(packed + [1, 2, 3, 4, 5, 6, 7, 8]) } == .damaged)
    }

    @Test func randomBytesNeverTrap() throws {
        for seed in Seeds.first(300) {
            var random = SeededRandom(seed: seed)
            let head = Self.golden.prefix(Int.random(in: 0...Self.golden.count, using: &random))
            _ = thrownCode { _ = try unpack(Array(head) + random.bytes(0...200)) }
        }
    }

    // MARK: The command itself, where it is installed

    static let command = ["/usr/bin/lz4", "/usr/local/bin/lz4", "/opt/homebrew/bin/lz4"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.command))
        process.arguments = ["-q", "-f"] + arguments
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(arguments)")
    }

    @Test(.enabled(if: command != nil))
    func theCommandReadsOursAndWeReadItsOwn() throws {
        let folder = try TemporaryDirectory()
        for seed in [1, 2] as [UInt64] {
            let plain = sample(seed)
            _ = try folder.write(try pack(plain), to: "ours.lz4")
            try run(["-d", folder.file("ours.lz4"), folder.file("plain")])
            #expect(try folder.read("plain") == plain, "\(Seeds.again(seed))")
            for options in [
                [], ["-9", "-BD"], ["--no-frame-crc", "-B4"], ["--content-size", "-BX"],
            ] {
                try run(options + [folder.file("plain"), folder.file("theirs.lz4")])
                #expect(try unpack(try folder.read("theirs.lz4")) == plain, "\(options)")
            }
        }
    }
}
