import StorageIO
import StorageIOTesting
import Testing

/// The kinds of survival: that each leaves what its name says, and that they differ.
@Suite struct SurvivalTests {
    /// Two files with synced content and names, then six changes that are not synced.
    private static func changed() throws -> CrashingFileSystem {
        let fileSystem = CrashingFileSystem()
        let files = try ["a", "b"].map { try fileSystem.open($0, .createNew) }
        try fileSystem.syncDirectory(of: "a")
        for file in files {
            try file.writeBytes([UInt8](repeating: 1, count: 16_384))
            try file.sync()
        }
        for file in files { try file.writeBytes([UInt8](repeating: 2, count: 8_192), at: 4_096) }
        for file in files { try file.writeBytes([UInt8](repeating: 3, count: 8_192), at: 14_336) }
        try fileSystem.rename("b", to: "d", replacing: false)
        _ = try fileSystem.open("c", .createNew)
        return fileSystem
    }

    @Test func thereAreAtLeastTwentyAndTheyDiffer() throws {
        let fileSystem = try Self.changed()
        #expect(Survival.variants.count >= 20)
        #expect(Set(Survival.variants).count == Survival.variants.count)
        #expect(Set(Survival.variants.map(\.description)).count == Survival.variants.count)
        let states = Survival.variants.indices.map {
            fileSystem.survivors(variant: $0, seed: 5).fingerprint
        }
        #expect(Set(states).count >= states.count - 1)
        // The same again; and another seed draws others.
        #expect(
            states
                == Survival.variants.indices.map {
                    fileSystem.survivors(variant: $0, seed: 5).fingerprint
                })
        let later = (0..<200).map { fileSystem.survivors(variant: $0, seed: 6).fingerprint }
        #expect(Set(later).count > 120)
    }

    /// Whatever the kind: a sector is in one of its states, sizes are ones that the file had, and
    /// synced sectors that nothing touched are as they were.
    @Test(arguments: 0..<26) func everyKindKeepsToTheModel(_ kind: Int) throws {
        let fileSystem = try Self.changed()
        for round in 0..<30 {
            let left = fileSystem.survivors(
                variant: kind + round * Survival.variants.count, seed: 3)
            let names = left.paths
            #expect([["a", "b"], ["a", "b", "c"], ["a", "d"], ["a", "c", "d"]].contains(names))
            for name in names where name != "c" {
                let bytes = try left.open(name, .readOnly).readAll()
                #expect(bytes.count == 16_384 || bytes.count == 22_528)
                let sectors = stride(from: 0, to: bytes.count, by: 512).map {
                    Set(bytes[$0..<min($0 + 512, bytes.count)])
                }
                for (index, sector) in sectors.enumerated() where index < 32 {
                    let isOld = index < 8 || (24..<28).contains(index)
                    let allowed: [Set<UInt8>] = isOld ? [[1]] : [[1], index < 24 ? [2] : [3]]
                    #expect(allowed.contains(sector), "\(Survival.variants[kind]) sector \(index)")
                }
            }
        }
    }

    private static func variant(_ name: String) throws -> Survival {
        try #require(Survival.variants.first { $0.description == name })
    }

    @Test func sizesComeWithoutDataAndDataWithoutSizes() throws {
        let fileSystem = try Self.changed()
        let sizes = try fileSystem.survivors(Self.variant("sizes and names"))
            .open("a", .readOnly).readAll()
        let ones = [UInt8](repeating: 1, count: 16_384)
        #expect(sizes == ones + [UInt8](repeating: 0, count: 6_144))
        let stale = try fileSystem.survivors(Self.variant("sizes and names, stale"), seed: 1)
            .open("a", .readOnly).readAll()
        #expect(Array(stale[..<16_384]) == ones)
        #expect(Set(stale[16_384...]).isSubset(of: [1, 2, 3]))
        let data = try fileSystem.survivors(Self.variant("data and names"))
            .open("a", .readOnly).readAll()
        #expect(data.count == 16_384)
        #expect(data[4_096] == 2 && data[16_383] == 3)
    }

    @Test func theOrderIsReversed() throws {
        let fileSystem = CrashingFileSystem()
        let file = try fileSystem.open("a", .createNew)
        try fileSystem.syncDirectory(of: "a")
        for sector in 0..<8 {
            try file.writeBytes([UInt8](repeating: 1, count: 512), at: UInt64(sector) * 512)
        }
        var counts: Set<Int> = []
        for seed in 0..<60 as Range<UInt64> {
            let left = try fileSystem.survivors(Self.variant("suffix"), seed: seed)
                .open("a", .readOnly).readAll()
            let sectors = (0..<8).map { Int(left[$0 * 512]) }
            #expect(sectors == sectors.sorted(), "seed \(seed)")
            counts.insert(sectors.reduce(0, +))
        }
        #expect(counts.count >= 7)
    }

    /// A name's changes survive in order; those of other names don't wait for them.
    @Test func namesSurviveOnTheirOwn() throws {
        let fileSystem = CrashingFileSystem()
        for name in ["a", "b", "c"] { _ = try fileSystem.open(name, .createNew) }
        try fileSystem.rename("a", to: "d", replacing: false)
        try fileSystem.remove("b")
        _ = try fileSystem.open("a", .createNew)
        let subset = try Self.variant("data, some sizes and names")
        var seen: Set<[String]> = []
        for seed in 0..<2_000 as Range<UInt64> {
            seen.insert(fileSystem.survivors(subset, seed: seed).paths)
        }
        // `a` is there, moved to `d`, moved and made anew, or not there; `b` and `c` are there or not.
        let firsts: [[String]] = [["a"], ["d"], ["a", "d"], []]
        let all = firsts.flatMap { first in
            [[], ["b"], ["c"], ["b", "c"]].map { (first + $0).sorted() }
        }
        #expect(seen == Set(all))
    }

    @Test func whatIsSyncedIsTheSameInEveryKind() throws {
        let fileSystem = try Self.changed()
        #expect(fileSystem.unsyncedChangeCount == 6)
        for name in ["a", "d"] { try fileSystem.open(name, .readWrite).sync() }
        try fileSystem.syncDirectory(of: "a")
        #expect(fileSystem.unsyncedChangeCount == 0)
        let states = Survival.variants.map { fileSystem.survivors($0, seed: 1).fingerprint }
        #expect(Set(states).count == 1)
        #expect(states[0] == fileSystem.fingerprint)
    }
}
