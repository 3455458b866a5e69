import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Keys of several parts, and what keys are made of.
@Suite struct KeysTests {
    @Test func partsOfEveryLayoutAreFoundInMemory() throws {
        // Each part is read at the place that its alignment gives it. Mixed sizes leave gaps.
        func expect<each Part: OrderedKey>(_ part: repeat each Part) throws {
            var separate: [UInt8] = []
            for part in repeat each part { separate += part.keyBytes(of: .part) }
            let key = Keys(repeat each part)
            #expect(key.keyBytes(of: .part) == separate)
            #expect(try Keys<repeat each Part>.read(separate) == key)
        }
        try expect()
        try expect(7 as UInt8)
        try expect("text")
        try expect(1 as UInt8, 2 as UInt64)
        try expect(1 as UInt8, 2 as Int32, true, 3 as Int64, 4 as UInt16, 5 as UInt32, 6, "x")
        try expect("a", true, "b", 1 as UInt8, nil as UInt64?, 5 as UInt64)
        try expect([1, 2] as [UInt8], 5 as UInt8?, Keys(true, 7 as UInt64), false, 9 as UInt64)
        try expect(Keys(1 as UInt64, true), true, 2 as UInt128, true, 2.5)
        try expect(1.5 as Float, 3 as UInt64, 2 as UInt8, 3 as Int128, true, 4)
        try expect(Descending(3 as UInt8), 4 as Int16, Descending("z"), 5, nil as String?, 6)
        try expect(Keys(), 1 as UInt64, Keys(Keys(2 as UInt8), 3), 4)
    }

    @Test func keysAreEqualWhenTheirBytesAre() {
        #expect(Keys("a", 1) == Keys("a", 1) && Keys("a", 1) != Keys("a", 2))
        #expect(Keys("a", 2) < Keys("b", 1) && Keys("a", 2) < Keys("a", 3))
        #expect(!(Keys("a", 2) < Keys("a", 2)))
        #expect(Keys(Double.nan) == Keys(Double.nan) && Keys(-0.0) != Keys(0.0))
        #expect(Keys("é") != Keys("e\u{301}"))
        #expect(Descending(2) < Descending(1) && Descending("a") == Descending("a"))
        #expect(Set([Keys(true, 1), Keys(true, 1), Keys(false, 1)]).count == 2)
        #expect(Set([Descending(1), Descending(1)]).count == 1)
    }

    @Test func aKeyLongerThanTheLimitKeepsAllItsBytes() throws {
        for count in [1000, 1022, 1023, 1024, 1025, 5000] {
            let text = String(repeating: "ab\0", count: count / 3)
            let key = Keys(text, 7 as UInt8, Descending(text))
            let bytes = key.keyBytes(of: .part)
            #expect(bytes.count == 2 * text.utf8.count + 2 * (count / 3) + 3)
            #expect(try Keys<String, UInt8, Descending<String>>.read(bytes) == key)
        }
    }

    enum Direction: UInt8, OrderedKey, StoredValue, CaseIterable { case north, south = 7, west }
    enum Country: String, OrderedKey, StoredValue { case france, ghana }
    struct UserID: RawRepresentable, OrderedKey, StoredValue { var rawValue: Int }

    @Test func rawRepresentableTypesAreKeysAndValuesByTheirRawValues() throws {
        #expect(Direction.west.keyBytes(of: .part) == [8])
        #expect(try Direction.read([7]) == .south)
        #expect(refuses { () throws(StorageError) in _ = try Direction.read([9]) })
        #expect(refuses { () throws(StorageError) in _ = try Direction.readValue([9]) })
        #expect(Country.ghana.keyBytes(of: .whole) == Array("ghana".utf8))
        #expect(Country.ghana.keyBytes(of: .part) == Array("ghana\0".utf8))
        #expect(Country.schemaName == "string" && UserID.schemaName == "i64")
        #expect(UserID(rawValue: 5).keyBytes(of: .whole) == 5.keyBytes(of: .whole))
    }

    /// Whether `body` throws `undecodable`.
    private func refuses(_ body: () throws(StorageError) -> Void) -> Bool {
        do throws(StorageError) {
            try body()
            return false
        } catch {
            return error.code == .undecodable
        }
    }

    struct Place: OrderedKey, Equatable {
        var country: String
        var zip: UInt32

        static let schemaName = "place"

        func encode(into writer: inout KeyWriter) {
            country.encode(into: &writer)
            zip.encode(into: &writer)
        }

        init(from reader: inout KeyReader) throws(StorageError) {
            country = try String(from: &reader)
            zip = try UInt32(from: &reader)
        }

        init(_ country: String, _ zip: UInt32) {
            self.country = country
            self.zip = zip
        }
    }

    @Test func aTypeOfOnesOwnEncodesItsParts() throws {
        let place = Place("ch", 3000)
        #expect(place.keyBytes(of: .whole) == Keys("ch", 3000 as UInt32).keyBytes(of: .whole))
        #expect(try Place.read(place.keyBytes(of: .whole)) == place)
        #expect(Keys<Place, Int?>.schemaName == "(place,i64?)")
    }

    @Test func schemaNamesSayTheFormat() {
        #expect(Keys<String, UInt64>.schemaName == "(string,u64)")
        #expect(type(of: Keys()).schemaName == "()")
        #expect(Keys<Descending<Int>, [UInt8]?, Keys<Bool>>.schemaName == "(-i64,bytes?,(bool))")
        #expect(Int.schemaName == Int64.schemaName && Substring.schemaName == String.schemaName)
        let long = TableSchema.recorded(String(repeating: "é", count: 300))
        #expect(long.utf8.count <= 200 && long.utf8.count > 190)
        #expect(long != TableSchema.recorded(String(repeating: "é", count: 301)))
        #expect(TableSchema.recorded("(string,u64)") == "(string,u64)")
        let one = TableSchema(String.self, Int.self)
        #expect(one == TableSchema(Substring.self, Int64.self))
        let error = one.mismatch(recorded: TableSchema(String.self, Bool.self), table: "users")
        #expect(error.code == .wrongType)
        #expect(error.message.contains("users"))
        #expect(error.message.contains("values bool (version 1)"))
    }
}
