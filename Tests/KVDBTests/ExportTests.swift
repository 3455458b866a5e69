@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The codec alone: bytes in, bytes out, no database.
@Suite struct ExportTests {
    typealias Entry = (key: [UInt8], value: [UInt8])

    // MARK: Golden bytes (Docs/ExportFormat.md)

    static let goldenVersion1: [UInt8] =
        Array("TKDB_EXP".utf8) + [1, 0, 0, 0]
        + [1, 0, 2, 0, 0, 0] + Array("a".utf8) + Array("xy".utf8)
        + [0, 0, 0, 0, 0, 0]
        + [2, 0, 0, 0, 0, 0] + [0xFF, 0x00]

    static let goldenVersion2: [UInt8] =
        // Header.
        Array("TKDB_EXP".utf8) + [2, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]
        + littleEndian(0x18EC_5370)
        // Table block: the default table.
        + [1, 0, 0, 0, 0, 0, 0, 0] + littleEndian(0x07C5_5FAC)
        // Entries block.
        + [2, 0, 0, 0, 16, 0, 0, 0]
        + [1, 0, 2, 0, 0, 0] + Array("a".utf8) + Array("xy".utf8)
        + [1, 0, 0, 0, 0, 0] + Array("b".utf8)
        + littleEndian(0xDEFA_AA23)
        // Table block: "t".
        + [1, 0, 0, 0, 1, 0, 0, 0] + Array("t".utf8) + littleEndian(0xB0BF_B355)
        // Entries block.
        + [2, 0, 0, 0, 7, 0, 0, 0] + [0, 0, 1, 0, 0, 0] + Array("z".utf8)
        + littleEndian(0x2528_BCD9)
        // End block: three entries, two tables.
        + [4, 0, 0, 0, 16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        + littleEndian(0x011C_B7D8)

    static func littleEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }

    @Test func version1GoldenBytes() throws {
        let entries: [Entry] = [
            (Array("a".utf8), Array("xy".utf8)), ([], []), ([0xFF, 0x00], []),
        ]
        #expect(try encode([([], entries)], .version1) == Self.goldenVersion1)
        #expect(
            try decode(Self.goldenVersion1)
                == [.table([])] + entries.map { .entry(key: $0.key, value: $0.value) }
                + [.end(entryCount: 3)])
    }

    /// What a table holds comes directly behind its name, once, and not for the default table.
    @Test func descriptionsHaveOnePlace() throws {
        let types: [UInt8] = [1, 1, 0, 0, 0, 3] + "u64".utf8 + [1, 0, 0, 0, 4] + "none".utf8
        func export(_ blocks: [(kind: UInt8, payload: [UInt8])]) -> [UInt8] {
            var bytes = Array(Self.goldenVersion2.prefix(24))
            var checksum: UInt32 = 0x18EC_5370
            for (kind, payload) in blocks {
                let block = [kind, 0, 0, 0, UInt8(payload.count), 0, 0, 0] + payload
                checksum = withByteView(of: block) { CRC32C.checksum($0, seed: checksum) }
                bytes += block + Self.littleEndian(checksum)
            }
            return bytes
        }
        typealias Block = (kind: UInt8, payload: [UInt8])
        let (main, table): (Block, Block) = ((1, []), (1, [0x74]))
        let (described, nothing): (Block, Block) = ((5, types), (5, []))
        let trailing: Block = (5, types + [7])
        let entry: Block = (2, [1, 0, 0, 0, 0, 0, 0x61])
        let end: Block = (4, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(
            try decode(export([table, described, entry, end])) == [
                .table([0x74]), .description(types), .entry(key: [0x61], value: []),
                .end(entryCount: 1),
            ])
        let refused: [[Block]] = [
            [main, described, entry, end], [table, entry, described, end],
            [table, described, described, entry, end], [table, nothing, entry, end],
            [table, trailing, entry, end], [described, table, entry, end],
        ]
        for blocks in refused {
            let error = #expect(throws: StorageError.self) { try decode(export(blocks)) }
            #expect(error?.code == .damaged)
        }
    }

    @Test func version2GoldenBytes() throws {
        let written = try encode(
            [
                ([], [(Array("a".utf8), Array("xy".utf8)), (Array("b".utf8), [])]),
                (Array("t".utf8), [([], Array("z".utf8))]),
            ], .version2)
        #expect(written == Self.goldenVersion2, "\(written)")
        #expect(
            try decode(Self.goldenVersion2) == [
                .table([]), .entry(key: Array("a".utf8), value: Array("xy".utf8)),
                .entry(key: Array("b".utf8), value: []), .table(Array("t".utf8)),
                .entry(key: [], value: Array("z".utf8)), .end(entryCount: 3),
            ])
    }

    @Test(arguments: ExportFormat.allCases)
    func emptyExport(format: ExportFormat) throws {
        let bytes = try encode([], format)
        #expect(bytes.count == (format == .version1 ? 12 : 24 + 28))
        #expect(try decode(bytes).last == .end(entryCount: 0))
    }

    // MARK: Round trips

    @Test(arguments: ExportFormat.allCases)
    func roundTripBySeed(format: ExportFormat) throws {
        for seed in Seeds.first(25) {
            var random = SeededRandom(seed: seed)
            var tables: [([UInt8], [Entry])] = []
            let tableCount = format == .version1 ? 1 : Int.random(in: 1...3, using: &random)
            for table in 0..<tableCount {
                let name = table == 0 ? [] : [UInt8(table)]
                let entries = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    Self.entry(&random)
                }
                tables.append((name, entries))
            }
            let bytes = try encode(tables, format)
            // The stream may come in pieces of any size.
            let events = try decode(bytes, pieces: Int.random(in: 1...70_000, using: &random))
            var expected: [ExportEvent] = []
            for (name, entries) in tables {
                expected.append(.table(name))
                expected += entries.map { .entry(key: $0.key, value: $0.value) }
            }
            let count = tables.reduce(0) { $0 + $1.1.count }
            expected.append(.end(entryCount: UInt64(count)))
            #expect(events == expected, "\(Seeds.again(seed))")
        }
    }

    static func entry(_ random: inout SeededRandom) -> Entry {
        let keyLength =
            Int.random(in: 0...10, using: &random) == 0
            ? 1024 : Int.random(in: 0...40, using: &random)
        let sizes = [0, 1, 100, 5000, 65_529, 65_530, 65_531, 65_536, 140_000]
        let valueLength = sizes[Int.random(in: 0..<sizes.count, using: &random)]
        let fill = UInt8.random(in: 0...255, using: &random)
        return (
            (0..<keyLength).map { _ in UInt8.random(in: 0...255, using: &random) },
            [UInt8](repeating: fill, count: valueLength)
        )
    }

    @Test func valuesAtTheEdgesOfBlocks() throws {
        for length in 65_520...65_545 {
            let value = [UInt8](repeating: 7, count: length)
            let entries: [Entry] = [([1], []), ([2], value), ([3], value), ([4], [])]
            #expect(
                try decode(try encode([([], entries)], .version2)).count == 6, "length \(length)")
        }
    }

    // MARK: Refusals

    @Test func everyFlippedByteIsRefused() throws {
        for index in Self.goldenVersion2.indices {
            for mask in [1, 2, 3, 4, 8, 16, 32, 64, 128, 255] as [UInt8] {
                var bytes = Self.goldenVersion2
                bytes[index] ^= mask
                #expect(throws: StorageError.self, "byte \(index), mask \(mask)") {
                    try decode(bytes)
                }
            }
        }
    }

    @Test func everyCutIsRefused() throws {
        for length in Self.goldenVersion2.indices {
            let error = #expect(throws: StorageError.self, "length \(length)") {
                try decode(Array(Self.goldenVersion2.prefix(length)))
            }
            #expect(error?.code == (length == 0 ? .emptyFile : .truncated), "length \(length)")
        }
    }

    @Test func bytesAfterTheEndAreRefused() throws {
        #expect(refusal(of: Self.goldenVersion2 + [0]) == .damaged)
        #expect(refusal(of: Self.goldenVersion2 + Self.goldenVersion2) == .damaged)
    }

    @Test func lostRepeatedAndSwappedBlocksAreRefused() throws {
        let value = [UInt8](repeating: 1, count: 60_000)
        let bytes = try encode([([], [([1], value), ([2], value), ([3], value)])], .version2)
        let block = 8 + 6 + 1 + 60_000 + 4
        let first = 24 + 12
        let lost = Array(bytes[..<first] + bytes[(first + block)...])
        let repeated = Array(bytes[..<(first + block)] + bytes[first...])
        let swapped = Array(
            bytes[..<first] + bytes[(first + block)..<(first + 2 * block)]
                + bytes[first..<(first + block)] + bytes[(first + 2 * block)...])
        for damaged in [lost, repeated, swapped] { #expect(refusal(of: damaged) == .damaged) }
    }

    @Test func foreignAndNewerFilesAreToldApart() {
        #expect(refusal(of: []) == .emptyFile)
        #expect(refusal(of: Array("SQLite format 3".utf8)) == .notADatabase)
        #expect(refusal(of: [0x04, 0x22, 0x4D, 0x18]) == .notADatabase)
        #expect(refusal(of: Array("TKDB_EXP".utf8) + [3, 0, 0, 0]) == .unsupportedFormat)
        #expect(refusal(of: Array("TKDB_EXP".utf8) + [0, 0, 0, 0]) == .damaged)
    }

    @Test func version1CutInsideAnEntryIsRefused() {
        // The ends of the header and of the three entries, where version 1 can't tell.
        let ends = [12, 21, 27]
        for length in 1..<Self.goldenVersion1.count where !ends.contains(length) {
            #expect(
                refusal(of: Array(Self.goldenVersion1.prefix(length))) == .truncated,
                "length \(length)")
        }
    }

    @Test func claimedLengthsAreNotBelieved() {
        let start = Array("TKDB_EXP".utf8) + [1, 0, 0, 0]
        let good: [UInt8] = [0, 0, 0, 0, 0, 0]
        let longKey = refusalError(of: start + good + [0x01, 0x04, 0, 0, 0, 0])
        #expect(longKey?.code == .keyTooLong)
        #expect(longKey?.message.contains("Entry 2") == true)
        #expect(refusal(of: start + [0, 0, 1, 0, 0, 0x40]) == .valueTooLong)
        // 2^30 is allowed, so only what really comes is allocated.
        #expect(refusal(of: start + [0, 0, 0, 0, 0, 0x40, 1, 2, 3]) == .truncated)
        #expect(refusal(of: Array(Self.goldenVersion2.prefix(28)) + [0, 0, 1, 0]) == .truncated)
        #expect(refusal(of: Array(Self.goldenVersion2.prefix(28)) + [1, 0, 1, 0]) == .damaged)
        #expect(
            refusal(of: Array(Self.goldenVersion2.prefix(28)) + [255, 255, 255, 255]) == .damaged)
    }

    @Test func badStructureUnderGoodChecksumsIsRefused() {
        func entry(_ key: Int, _ value: Int) -> [UInt8] {
            [UInt8(key & 255), UInt8(key >> 8)] + Self.littleEndian(UInt32(value))
        }
        let cases: [(String, [Sealed.Block], StorageError.Code)] = [
            ("entries before a table", [(2, entry(0, 0))], .damaged),
            ("empty entries block", [(1, []), (2, [])], .damaged),
            ("stray continuation", [(1, []), (3, [1])], .damaged),
            ("head cut by the block", [(1, []), (2, [0, 0, 0])], .damaged),
            ("key cut by the block", [(1, []), (2, entry(2, 0) + [1])], .damaged),
            ("value not continued", [(1, []), (2, entry(0, 2) + [1]), (1, [1])], .damaged),
            ("continuation too long", [(1, []), (2, entry(0, 2)), (3, [1, 2, 3])], .damaged),
            ("continuation empty", [(1, []), (2, entry(0, 2)), (3, [])], .damaged),
            ("key too long", [(1, []), (2, entry(1025, 0))], .keyTooLong),
            ("value too long", [(1, []), (2, entry(0, 1 << 30 | 1))], .valueTooLong),
            ("tables out of order", [(1, [2]), (1, [1])], .damaged),
            ("table twice", [(1, []), (1, [])], .damaged),
            ("table name too long", [(1, [UInt8](repeating: 1, count: 1025))], .damaged),
            ("unknown kind", [(9, [])], .unsupportedFormat),
            ("short end", [(4, [0, 0, 0])], .damaged),
            ("wrong entry count", [(4, [1] + [UInt8](repeating: 0, count: 15))], .damaged),
            ("wrong table count", [(1, []), (4, [UInt8](repeating: 0, count: 16))], .damaged),
        ]
        for (name, blocks, code) in cases {
            #expect(refusal(of: Sealed.stream(blocks)) == code, "\(name)")
        }
        #expect(refusal(of: Sealed.stream([], flags: 1)) == .unsupportedFormat)
        #expect(refusal(of: Sealed.stream([], guardWord: 0)) == .damaged)
        #expect(refusal(of: Sealed.stream([(4, [UInt8](repeating: 0, count: 16))])) == nil)
    }

    @Test func randomBytesNeverTrap() {
        for seed in Seeds.first(2000) {
            var random = SeededRandom(seed: seed)
            let base = seed % 2 == 0 ? Self.goldenVersion2 : Self.goldenVersion1
            var bytes = Array(base.prefix(Int.random(in: 0...base.count, using: &random)))
            for _ in 0..<Int.random(in: 0...8, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    UInt8.random(in: 0...255, using: &random)
            }
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            }
            _ = refusal(of: bytes)
        }
    }

    // MARK: Writer

    @Test func theWriterRefusesWhatReadersWould() throws {
        let writer = ExportWriter { _ throws(StorageError) in }
        let long = [UInt8](repeating: 0, count: 1025)
        #expect(
            throwsCode { () throws(StorageError) in try append(writer, long, []) } == .keyTooLong)
        #expect(
            throwsCode { () throws(StorageError) in try table(writer, long) } == .invalidArgument)
        try table(writer, [2])
        #expect(
            throwsCode { () throws(StorageError) in try table(writer, [2]) } == .invalidArgument)
        #expect(throwsCode { () throws(StorageError) in try table(writer, []) } == .invalidArgument)
        try writer.finish()
        #expect(throwsCode { () throws(StorageError) in try writer.finish() } == .closed)
        #expect(throwsCode { () throws(StorageError) in try append(writer, [], []) } == .closed)

        let plain = ExportWriter(format: .version1) { _ throws(StorageError) in }
        #expect(throwsCode { () throws(StorageError) in try table(plain, [1]) } == .invalidArgument)
    }

    @Test func aFailedSinkEndsTheExport() throws {
        var full = true
        let writer = ExportWriter { _ throws(StorageError) in
            if full { throw StorageError(.diskFull, "full") }
        }
        #expect(throwsCode { () throws(StorageError) in try writer.finish() } == .diskFull)
        full = false
        #expect(throwsCode { () throws(StorageError) in try writer.finish() } == .closed)
    }

    @Test func theWriterHoldsOneBlockAtATime() throws {
        var largest = 0
        let writer = ExportWriter { bytes throws(StorageError) in
            largest = max(largest, bytes.byteCount)
        }
        try append(writer, [1], [UInt8](repeating: 0, count: 1_000_000))
        try writer.finish()
        #expect(largest == 8 + 65_536 + 4)
    }

    @Test func aFailedSourceIsPassedOnAndKept() {
        var calls = 0
        let reader = ExportReader { _ throws(StorageError) in
            calls += 1
            throw StorageError(.inputOutput, "broken")
        }
        for _ in 0..<2 {
            #expect(throwsCode { () throws(StorageError) in _ = try reader.next() } == .inputOutput)
        }
        #expect(calls == 1)
    }
}
