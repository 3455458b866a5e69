import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// What can't be stored is refused early, and not first read to its end.
@Suite struct BoundedInputTests {
    /// The same bytes without end, after some others; counts what was taken.
    private final class EndlessInput: ByteInput {
        private var head: [UInt8]
        private let pattern: [UInt8]
        private(set) var taken = 0

        init(_ head: String, then pattern: String) {
            self.head = Array(head.utf8)
            self.pattern = Array(pattern.utf8)
        }

        func read(into buffer: inout [UInt8]) -> Int {
            for index in buffer.indices {
                buffer[index] =
                    taken < head.count ? head[taken] : pattern[(taken - head.count) % pattern.count]
                taken += 1
            }
            return buffer.count
        }
    }

    private static let limits = EntryLimits(keyByteCount: 1024, valueByteCount: 1_000_000)

    private func session(_ input: any ByteInput) -> Session {
        Session(
            input: input, output: MemoryOutput(), error: MemoryOutput(), isJSON: false,
            limits: Self.limits)
    }

    /// The database's limits are those that the checks before it have.
    @Test func theLimitsAreTheDatabases() throws {
        let folder = try TemporaryDirectory()
        let database = try DatabaseAccess(path: folder.file("my.db"), mode: .writeCreating)
        let longest = [UInt8](repeating: 1, count: EntryLimits.database.keyByteCount)
        try database.put(longest, [], table: String(repeating: "t", count: longest.count))
        #expect(thrownCode { try database.put(longest + [1], [], table: "") } == .keyTooLong)
        try database.close()
        #expect(EntryLimits.database.valueByteCount == 1 << 30)
    }

    @Test(arguments: [
        (ByteFormat.text, "a", 1_100_000), (.escaped, "a", 1_100_000),
        (.escaped, "\\x41", 4_200_000), (.hex, "61", 2_200_000), (.base64, "YWJj", 1_500_000),
    ])
    func aValueOnStandardInput(format: ByteFormat, text: String, most: Int) {
        let input = EndlessInput("", then: text)
        #expect(
            thrownCode { _ = try session(input).readAllInput(as: format) } == .valueTooLong)
        #expect(input.taken < most, "\(input.taken)")
    }

    /// The longest value passes, in its longest form and with a line's end.
    @Test(arguments: [(ByteFormat.text, "a"), (.escaped, "\\x61"), (.hex, "61"), (.base64, "YWFh")])
    func theLongestValue(format: ByteFormat, unit: String) throws {
        let count = Self.limits.valueByteCount / (format == .base64 ? 3 : 1)
        var text = Array(repeatElement(Array(unit.utf8), count: count).joined())
        if format == .base64 { text += Array("YQ==".utf8) }
        if format != .text { text += [13, 10] }
        let read = try session(MemoryInput(text)).readAllInput(as: format)
        #expect(read.count == text.count)
        let entries = TabSeparatedInput(
            MemoryInput(Array("k\t".utf8) + text), keyFormat: nil, valueFormat: format,
            limits: Self.limits)
        guard case .entry(_, let value) = try entries.next() else {
            Issue.record("no entry")
            return
        }
        #expect(value.count == Self.limits.valueByteCount)
    }

    private func open(
        _ input: any ByteInput, _ format: ImportFormat
    ) throws(StorageError) -> any EntryInput {
        try ImportFormat.open(
            input, name: "", format: format, keyFormat: nil, valueFormat: nil,
            limits: Self.limits)
    }

    @Test(arguments: [
        (ImportFormat.tsv, "", "a", StorageError.Code.keyTooLong, 200_000),
        (.tsv, "", "\\x61", .keyTooLong, 200_000), (.tsv, "k\t", "a", .valueTooLong, 1_200_000),
        (.tsv, "k\t", "\\x61", .valueTooLong, 4_200_000),
        (.tsv, "k\tv\n", "\0", .keyTooLong, 200_000),
        (.ndjson, "", "a", .invalidArgument, 200_000),
        (.ndjson, #"{"key":"k","value":""#, "a", .valueTooLong, 3_300_000),
        (.ndjson, #"{"key":"k","value":""#, "\\u0061", .valueTooLong, 20_000_000),
    ])
    func aLine(
        format: ImportFormat, head: String, rest: String, code: StorageError.Code, most: Int
    ) throws {
        let input = EndlessInput(head, then: rest)
        let thrown = thrownCode {
            let entries = try open(input, format)
            while case .entry = try entries.next() {}
        }
        #expect(thrown == code)
        #expect(input.taken < most, "\(input.taken)")
    }

    /// The same out of an LZ4 frame, which says little and means much.
    @Test func aLineInAFrame() throws {
        let packed = MemoryOutput()
        let encoder = try LZ4FrameEncoder(packed)
        let zeros = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0..<8 {
            try withByteView(of: zeros) { view throws(StorageError) in try encoder.write(view) }
        }
        try encoder.finish()
        let entries = try open(MemoryInput(packed.bytes), .tsv)
        #expect(thrownCode { _ = try entries.next() } == .keyTooLong)
    }

    /// The line of a value that is too long is named, and nothing is stored.
    @Test func aRefusedLineIsNamed() throws {
        let folder = try TemporaryDirectory()
        let long = "a\tb\n" + String(repeating: "k", count: 100_000) + "\tv\n"
        let refused = kvtools(
            "import", folder.file("my.db"), "-", "--input-format", "tsv", input: Array(long.utf8))
        #expect(refused.status == .usage && refused.error.contains("Line 2"), "\(refused.error)")
        #expect(try folder.names().isEmpty)
    }
}
