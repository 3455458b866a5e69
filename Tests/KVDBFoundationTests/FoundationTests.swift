import Foundation
import KVDB
import KVDBFoundation
import StorageIOTesting
import Testing

/// Foundation's types as keys and values, and errors as Foundation shows them.
@Suite struct FoundationTests {
    struct Visit: Codable, Equatable, Sendable {
        var name: String
        var times: [Double]
    }

    struct Renamed: Codable, Equatable, Sendable, SchemaNamed {
        static let schemaName = "visit"
        static let schemaVersion: UInt32 = 3
        var name: String
    }

    private func bytes(_ key: some OrderedKey) -> [UInt8] {
        key.withKeyBytes { bytes in [UInt8](keyBytes: bytes) }
    }

    private func bytes(of value: some StoredValue) throws -> [UInt8] {
        try value.withStoredBytes { bytes in [UInt8](storedBytes: bytes) }
    }

    private func value<Value: StoredValue>(_ bytes: [UInt8]) throws -> Value {
        try bytes.withBytes { bytes throws(StorageError) in try Value(storedBytes: bytes) }
    }

    private func key<Key: OrderedKey>(_ bytes: [UInt8]) throws -> Key {
        try bytes.withBytes { bytes throws(StorageError) in try Key(keyBytes: bytes) }
    }

    private func failure(_ body: () throws -> Void) -> StorageError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test func uuidsAreTheirBytesAndSortByThem() throws {
        let id = try #require(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
        let expected = (0..<16).map { UInt8($0 * 17) }
        #expect(bytes(id) == expected)
        #expect(try bytes(of: id) == expected)
        #expect(bytes(Keys(id, 1 as UInt8)) == expected + [1])
        for seed in Seeds.first(200) {
            var random = SeededRandom(seed: seed)
            let ids = try [random.bytes(16), random.bytes(16)].map { bytes in
                let digits = bytes.map { String(format: "%02X", Int($0)) }
                let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }
                return try #require(UUID(uuidString: groups.joined(separator: "-")))
            }
            let isBefore = bytes(ids[0]).lexicographicallyPrecedes(bytes(ids[1]))
            #expect(isBefore == (ids[0] < ids[1]), "\(Seeds.again(seed))")
            #expect(try key(bytes(ids[0])) == ids[0])
            #expect(try value(bytes(ids[1])) == ids[1])
        }
        #expect(failure { _ = try value([1, 2]) as UUID }?.code == .undecodable)
        #expect(
            failure { _ = try key([UInt8](repeating: 0, count: 17)) as UUID }?.code == .undecodable)
    }

    @Test func datesSortByTimeAndComeBackToTheBit() throws {
        var dates: [Date] = [.distantPast, .distantFuture, Date(timeIntervalSinceReferenceDate: 0)]
        dates += [Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 1_700_000_000.123)]
        dates.append(Date(timeIntervalSinceReferenceDate: 1.0.nextUp))
        for seed in Seeds.first(100) {
            var random = SeededRandom(seed: seed)
            let seconds = Double(Int64(truncatingIfNeeded: random.next()) >> 20) / 1000
            dates.append(Date(timeIntervalSinceReferenceDate: seconds))
        }
        for date in dates {
            #expect(try key(bytes(date)) == date)
            #expect(try value(bytes(of: date)) == date)
            for other in dates {
                #expect(
                    bytes(date).lexicographicallyPrecedes(bytes(other)) == (date < other),
                    "\(date) \(other)")
            }
        }
    }

    @Test func dataIsTheSameKeyAndValueAsBytes() throws {
        for run in [[], [0], [1, 0, 255], [UInt8](repeating: 7, count: 40)] as [[UInt8]] {
            let data = Data(run)
            // A slice of data doesn't begin at index 0.
            let slice = Data([9] + run + [9]).dropFirst().dropLast()
            for one in [data, slice] {
                #expect(bytes(one) == run)
                #expect(try bytes(of: one) == run)
                #expect(bytes(Keys(one, 1 as UInt8)) == bytes(Keys(run, 1 as UInt8)))
                #expect(one.withBytes { bytes in [UInt8](keyBytes: bytes) } == run)
            }
            #expect(try key(run) == data)
            #expect(try value(run) == data)
            let nested: Keys<Data, UInt8> = try key(bytes(Keys(data, 1 as UInt8)))
            #expect(nested.parts.0 == data)
            #expect(KeyInterval.prefix(data).keyRange == KeyRange.prefix(run))
        }
        #expect(Data.schemaName == [UInt8].schemaName)
    }

    @Test func urlsAreTheirStrings() throws {
        let url = try #require(URL(string: "https://swift.org/a?b=c#d"))
        #expect(try bytes(of: url) == Array("https://swift.org/a?b=c#d".utf8))
        #expect(try value(bytes(of: url)) == url)
        #expect(failure { _ = try value([255]) as URL }?.code == .undecodable)
        #expect(failure { _ = try value([]) as URL }?.code == .undecodable)
    }

    @Test func codableValuesComeBackFromJSONAndPropertyLists() throws {
        let visit = Visit(name: "é", times: [1, 2.5])
        #expect(
            try bytes(of: JSON(visit)) == Array(#"{"name":"é","times":[1,2.5]}"#.utf8))
        #expect(try value(bytes(of: JSON(visit))) == JSON(visit))
        #expect(try value(bytes(of: PropertyList(visit))) == PropertyList(visit))
        #expect(JSON<Visit>.schemaName == "json:Visit" && JSON<Visit>.schemaVersion == 1)
        #expect(PropertyList<[Visit]>.schemaName == "plist:Array<Visit>")
        #expect(JSON<Renamed>.schemaName == "json:visit" && JSON<Renamed>.schemaVersion == 3)
    }

    @Test func valuesThatCodersRefuseAreErrorsWithTheCodersReason() throws {
        let visit = Visit(name: "a", times: [1, .nan])
        let unencodable = failure { _ = try bytes(of: JSON(visit)) }
        #expect(unencodable?.code == .unencodable)
        #expect(unencodable?.message.contains("times.1") == true)
        for text in ["", "{", #"{"name":"a"}"#, #"{"name":"a","times":["x"]}"#] {
            let error = failure { _ = try value(Array(text.utf8)) as JSON<Visit> }
            #expect(error?.code == .undecodable, "\(text)")
            #expect(error?.message.contains("Visit") == true)
        }
        let error = failure { _ = try value([1, 2, 3]) as PropertyList<Visit> }
        #expect(error?.code == .undecodable)
        // What is not a property list at the top is refused by the encoder.
        #expect(failure { _ = try bytes(of: PropertyList(5)) }?.code == .unencodable)
    }

    @Test func randomBytesNeverTrapAsFoundationsTypes() {
        for seed in Seeds.first(300) {
            var random = SeededRandom(seed: seed)
            let run = random.bytes(random.below(30))
            let attempts: [() throws -> Void] = [
                { _ = try value(run) as UUID }, { _ = try key(run) as Date },
                { _ = try value(run) as URL }, { _ = try key(run) as Keys<Data, UUID> },
                { _ = try value(run) as JSON<Visit> },
                { _ = try value(run) as PropertyList<Visit> },
            ]
            for attempt in attempts {
                let code = failure(attempt)?.code
                #expect(code == nil || code == .undecodable, "\(Seeds.again(seed))")
            }
        }
    }

    @Test func everyCodeHasAReasonAndASuggestionOfItsOwn() {
        let codes = (0...255).compactMap { StorageError.Code(rawValue: UInt8($0)) }
        #expect(codes.count >= 28)
        let errors = codes.map {
            StorageError($0, "It failed.", path: "my.db") as any LocalizedError
        }
        for error in errors {
            #expect(error.errorDescription == "It failed. (my.db)")
            for text in [error.failureReason, error.recoverySuggestion] {
                #expect((text?.count ?? 0) > 10 && text?.last == ".")
            }
        }
        #expect(Set(errors.map { $0.failureReason ?? "" }).count == codes.count)
        let shown: any Error = StorageError(.locked, "It is locked.")
        #expect(shown.localizedDescription == "It is locked.")
    }

    @Test func aDatabaseOpensAtAURL() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try Database(at: folder.appending(path: "a b.kvdb"))
        try database.put("1", for: Data([1, 2]))
        #expect(try database.get([1, 2] as [UInt8]) == Array("1".utf8))
        try database.close()
        #expect(FileManager.default.fileExists(atPath: folder.appending(path: "a b.kvdb").path))
        let web = try #require(URL(string: "https://swift.org/a"))
        #expect(failure { _ = try Database(at: web) }?.code == .invalidArgument)
    }

    @Test func aTypedTableOfFoundationsTypesIsSortedByTime() throws {
        let visits = Table<Keys<UUID, Date>, JSON<Visit>>("visits")
        let database = try Database(inMemory: Database.Options())
        let id = UUID()
        let dates = [3.5, -2, 0, 1e9].map { Date(timeIntervalSinceReferenceDate: $0) }
        for date in dates {
            try database[visits].put(JSON(Visit(name: "\(date)", times: [])), for: Keys(id, date))
        }
        try database[visits].put(JSON(Visit(name: "other", times: [])), for: Keys(UUID(), dates[0]))
        let found = try database[visits].entries(in: .prefix(id))
        #expect(found.map(\.key.parts.1) == dates.sorted())
        #expect(found.map(\.value.value.name) == dates.sorted().map { "\($0)" })
        try database.close()
    }
}
