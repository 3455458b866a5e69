import StorageIO
import StorageIOTesting
import Testing

/// The sweep finds what is wrong with a store of somebody's own, and nothing wrong with a right one.
@Suite struct PowerCutTests {
    /// What can be wrong with the store below.
    enum Flaw: CaseIterable {
        case nameNotSynced, acknowledgedBeforeSync, tailRewritten, checksumIgnored
        case unfinishedCreationRefused, foundTailNotSynced
    }

    struct Wrong: Error {
        var what: String
    }

    /// Numbers in a file, each in a record of 16 bytes: the number and its checksum. Appending is durable
    /// when it returns.
    struct Numbers {
        static let header: [UInt8] = Array("NUMBERS1".utf8)
        let files: CrashingFileSystem
        let file: CrashingFile
        let flaw: Flaw?
        private(set) var numbers: [UInt64] = []

        init(_ files: CrashingFileSystem, _ flaw: Flaw?) throws(StorageError) {
            self.files = files
            self.flaw = flaw
            file = try files.open("numbers", .create)
            try file.lock(exclusive: true)
            let bytes = try file.readAll()
            let isBlank = bytes.prefix(Self.header.count).allSatisfy { $0 == 0 }
            if flaw == .unfinishedCreationRefused ? bytes.isEmpty : isBlank {
                // First zeros, durably: what a power cut may leave in new space is anything.
                try file.truncate(to: UInt64(Self.header.count))
                try file.sync()
                try file.writeBytes(Self.header)
                try file.sync()
            } else {
                guard bytes.starts(with: Self.header) else {
                    throw StorageError(.notADatabase, "These are no numbers.")
                }
                numbers = Self.decode(bytes, ignoringChecksums: flaw == .checksumIgnored)
                // Before anybody relies on it: the last run may have been killed before its sync.
                if flaw != .foundTailNotSynced { try file.sync() }
            }
            if flaw != .nameNotSynced { try files.syncDirectory(of: "numbers") }
        }

        static func decode(_ bytes: [UInt8], ignoringChecksums: Bool) -> [UInt64] {
            var numbers: [UInt64] = []
            withByteView(of: bytes) { view in
                var offset = header.count
                while let number = view.load(at: offset, as: UInt64.self),
                    let checksum = view.load(at: offset + 8, as: UInt64.self), number != 0,
                    ignoringChecksums || checksum == Self.checksum(number)
                {
                    numbers.append(number)
                    offset += 16
                }
            }
            return numbers
        }

        static func checksum(_ number: UInt64) -> UInt64 { number &* 0x9E37_79B9_7F4A_7C15 }

        static func encode(_ number: UInt64) -> [UInt8] {
            [number, checksum(number)].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
            }
        }

        mutating func append(_ number: UInt64) throws(StorageError) {
            let end = Self.header.count + 16 * numbers.count
            if flaw == .tailRewritten, let last = numbers.last {
                try file.truncate(to: UInt64(end - 16))
                try file.writeBytes(Self.encode(last) + Self.encode(number), at: UInt64(end - 16))
            } else {
                try file.writeBytes(Self.encode(number), at: UInt64(end))
            }
            if flaw != .acknowledgedBeforeSync { try file.sync() }
            numbers.append(number)
        }
    }

    /// Appends numbers to those that are there, and acknowledges each; what an earlier run wrote and this
    /// one found counts as acknowledged too.
    private func sweep(_ flaw: Flaw?, restarts: Bool = true) throws -> Int {
        try PowerCuts.sweep(UInt64(0), restarts: restarts) { files, acknowledged in
            var store = try Numbers(files, flaw)
            defer { store.file.close() }
            let found = UInt64(store.numbers.count)
            guard found >= acknowledged.value else { throw Wrong(what: "found only \(found)") }
            acknowledged.value = found
            for number in found + 1...found + 4 {
                try store.append(number)
                acknowledged.value = number
            }
        } check: { survivor, acknowledged in
            let readsAll = flaw == .checksumIgnored || flaw == .unfinishedCreationRefused
            let found = try Numbers(survivor, readsAll ? flaw : nil).numbers
            guard found == found.indices.map({ UInt64($0 + 1) }), found.count >= acknowledged else {
                throw Wrong(what: "\(acknowledged) acknowledged, \(found) there")
            }
        }
    }

    @Test func findsNothingInARightStore() throws {
        #expect(try sweep(nil) > 100)
    }

    @Test(arguments: Flaw.allCases) func findsEachFlaw(flaw: Flaw) {
        let failure = #expect(throws: PowerCuts.Failure.self) { try sweep(flaw) }
        #expect(failure.map { $0.wrongStates > 0 && $0.wrongStates < $0.states } == true)
        #expect(failure?.description.contains("the first is ") == true)
    }

    /// What only a second run gets wrong is found by starting again, and by nothing else.
    @Test func startsAgain() throws {
        #expect(throws: PowerCuts.Failure.self) { try sweep(.foundTailNotSynced) }
        #expect(try sweep(.foundTailNotSynced, restarts: false) > 15)
    }

    @Test func aProgramThatThrowsIsAFailure() {
        let failure = #expect(throws: PowerCuts.Failure.self) {
            try PowerCuts.sweep(0) { _, _ in
                throw Wrong(what: "never starts")
            } check: { _, _ in
            }
        }
        #expect(failure?.place.hasPrefix("the first run itself") == true)
        #expect((failure?.error as? Wrong)?.what == "never starts")
    }

    @Test func theSameSweepSeesTheSameStates() throws {
        #expect(try sweep(nil) == sweep(nil))
    }
}
