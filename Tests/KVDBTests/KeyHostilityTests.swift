import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Bytes that nobody encoded: reading them gives a value with just these bytes, or an error.
@Suite struct KeyHostilityTests {
    /// The bytes of a key as a writer would make them, then spoiled.
    private func spoiled(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        switch random.below(4) {
        case 0: bytes.removeLast(random.below(bytes.count + 1))
        case 1: bytes += random.bytes(1 + random.below(9))
        case 2: bytes = random.bytes(random.below(40)).map { random.oneIn(2) ? $0 % 3 : $0 }
        default:
            for _ in 0...random.below(4) where !bytes.isEmpty {
                let byte: UInt8 = [0, 1, 2, 254, 255, UInt8(random.below(256))][random.below(6)]
                bytes[random.below(bytes.count)] = byte
            }
        }
        return bytes
    }

    private func check<Key>(_ kind: KeyKind<Key>, seeds: Int = 400) {
        for seed in Seeds.first(seeds) {
            var random = SeededRandom(seed: seed)
            let key = kind.sample(&random)
            for form in [KeyForm.whole, .part] {
                let bytes = spoiled(key.keyBytes(of: form), &random)
                do throws(StorageError) {
                    let found =
                        form == .whole
                        ? try Key.read(bytes).keyBytes(of: .whole)
                        : try readPart(Key.self, bytes).keyBytes(of: .part)
                    let comment = "\(Key.self) \(bytes) \(Seeds.again(seed))"
                    #expect(
                        form == .whole ? found == bytes : bytes.starts(with: found), "\(comment)")
                } catch {
                    #expect(error.code == .undecodable)
                }
            }
        }
    }

    private func readPart<Key: OrderedKey>(
        _: Key.Type, _ bytes: [UInt8]
    ) throws(StorageError) -> Key {
        try unsafe bytes.span.withUnsafeBytes { buffer throws(StorageError) in
            var reader = unsafe KeyReader(buffer)
            return try Key(from: &reader)
        }
    }

    @Test func noBytesTrapAndEveryKeyHasOneForm() {
        check(KeyKind<UInt8>.integers)
        check(KeyKind<Int64>.integers)
        check(KeyKind<UInt128>.integers)
        check(.bools)
        check(KeyKind<Double>.numbers { Double(bitPattern: $0) })
        check(.strings, seeds: 2000)
        check(.bytes, seeds: 2000)
        check(KeyKind.bytes.descending, seeds: 2000)
        check(KeyKind.strings.optional.descending, seeds: 2000)
        check(KeyKind.bytes.and(KeyKind.strings.descending).and(.bools), seeds: 2000)
    }

    /// The code of the error, nil if there was none.
    private func code(_ body: () throws(StorageError) -> Void) -> StorageError.Code? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func bytesThatAreNoKeyAreRefused() {
        let refused: [(String, [UInt8], ([UInt8]) -> StorageError.Code?)] = [
            ("short", [1], { b in code { () throws(StorageError) in _ = try UInt16.read(b) } }),
            (
                "long", [1, 2, 3],
                { b in code { () throws(StorageError) in _ = try UInt16.read(b) } }
            ),
            ("bool", [2], { b in code { () throws(StorageError) in _ = try Bool.read(b) } }),
            ("tag", [2, 0], { b in code { () throws(StorageError) in _ = try UInt8?.read(b) } }),
            ("no tag", [], { b in code { () throws(StorageError) in _ = try UInt8?.read(b) } }),
            (
                "not UTF-8", [0x61, 0xFF],
                { b in code { () throws(StorageError) in _ = try String.read(b) } }
            ),
            (
                "half a scalar", [0xC3],
                { b in code { () throws(StorageError) in _ = try Substring.read(b) } }
            ),
            (
                "not UTF-8 in a part", [0x61, 0xFF, 0],
                { b in code { () throws(StorageError) in _ = try Keys<String>.read(b) } }
            ),
            (
                "no end", [0x61, 0x62],
                { b in code { () throws(StorageError) in _ = try Keys<String>.read(b) } }
            ),
            (
                "cut pair", [0x61, 1],
                { b in code { () throws(StorageError) in _ = try Keys<[UInt8]>.read(b) } }
            ),
            (
                "wrong pair", [1, 3, 0],
                { b in code { () throws(StorageError) in _ = try Keys<[UInt8]>.read(b) } }
            ),
            (
                "more behind", [0x61, 0, 7],
                { b in code { () throws(StorageError) in _ = try Keys<String>.read(b) } }
            ),
        ]
        for (name, bytes, read) in refused { #expect(read(bytes) == .undecodable, "\(name)") }
    }

    private func value<Value: StoredValue & Equatable>(_ value: Value, byteCount: Int? = nil) throws
    {
        let bytes = try value.withStoredBytes { bytes in [UInt8](keyBytes: bytes) }
        if let byteCount { #expect(bytes.count == byteCount) }
        #expect(try Value.readValue(bytes) == value)
        guard byteCount != nil else { return }
        for wrong in [bytes + [0], Array(bytes.dropLast())] where wrong.count != bytes.count {
            let found = code { () throws(StorageError) in _ = try Value.readValue(wrong) }
            #expect(found == .undecodable, "\(Value.self) of \(wrong.count) bytes")
        }
    }

    @Test func valuesComeBackAndHaveTheSizeOfTheirTypes() throws {
        try value(200 as UInt8, byteCount: 1)
        try value(-5 as Int8, byteCount: 1)
        try value(60_000 as UInt16, byteCount: 2)
        try value(-5 as Int16, byteCount: 2)
        try value(UInt32.max, byteCount: 4)
        try value(Int32.min, byteCount: 4)
        try value(UInt64.max - 1, byteCount: 8)
        try value(Int64.min + 1, byteCount: 8)
        try value(UInt128.max - 1, byteCount: 16)
        try value(Int128.min + 1, byteCount: 16)
        try value(UInt.max, byteCount: 8)
        try value(-7, byteCount: 8)
        try value(1.5, byteCount: 8)
        try value(-0.25 as Float, byteCount: 4)
        try value(true, byteCount: 1)
        try value(false, byteCount: 1)
        try value(NoValue(), byteCount: 0)
        try value("a\0é🙂")
        try value("")
        try value([0, 1, 255] as [UInt8])
        try value(KeysTests.Direction.west, byteCount: 1)
        try value(KeysTests.Country.ghana)
        #expect(code { () throws(StorageError) in _ = try Bool.readValue([2]) } == .undecodable)
        #expect(code { () throws(StorageError) in _ = try String.readValue([255]) } == .undecodable)
        #expect(
            code { () throws(StorageError) in _ = try KeysTests.Direction.readValue([1]) }
                == .undecodable)
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            let array: InlineArray<3, UInt8> = [1, 0, 255]
            let bytes = try array.withStoredBytes { bytes in [UInt8](keyBytes: bytes) }
            #expect(bytes == [1, 0, 255] && array.keyBytes(of: .part) == bytes)
            let again = try InlineArray<3, UInt8>.readValue(bytes)
            #expect((0..<3).allSatisfy { again[$0] == array[$0] })
            let wrong = code { () throws(StorageError) in
                _ = try InlineArray<3, UInt8>.read([1, 2])
            }
            #expect(wrong == .undecodable)
            #expect(InlineArray<16, UInt8>.schemaName == "bytes16")
        }
    }
}
