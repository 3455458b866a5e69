import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// What a leaf without room does with its neighbour (`BPlusTree+Spread.swift`).
@Suite struct SpreadTests {
    /// Puts `count` entries in random order, 1,000 to a transaction.
    private static func randomLoad(
        _ count: Int, keyLength: Int, valueLength: Int
    ) throws -> TreeHarness {
        let harness = try TreeHarness()
        for batch in OldTreeFaultsTests.arrange(count, .random).split(by: 1000) {
            try harness.write { tree in
                for number in batch {
                    try tree.put(
                        key(number, length: keyLength), [UInt8](repeating: 7, count: valueLength))
                }
            }
        }
        return harness
    }

    @Test(arguments: [
        (16, 26, 0.75), (16, 100, 0.75), (40, 0, 0.75), (16, 400, 0.71), (8, 1000, 0.76),
    ])
    func randomKeysLeaveLeavesFullerThanSplitsAloneWould(
        keyLength: Int, valueLength: Int, expected: Double
    ) throws {
        let count = min(15_000, 3_000_000 / (keyLength + valueLength + 100))
        let harness = try Self.randomLoad(count, keyLength: keyLength, valueLength: valueLength)
        let report = try harness.check()
        #expect(report.entryCount == UInt64(count))
        #expect(report.leafFill >= expected, "\(report.leafFill)")
    }

    @Test func manyAscendingStreamsSideBySideLeaveLeavesFullerThanHalves() throws {
        let harness = try TreeHarness()
        for round in 0..<60 {
            try harness.write { tree in
                for stream in 0..<40 {
                    for step in 0..<10 {
                        try tree.put(
                            key(stream) + key(round * 10 + step), [UInt8](repeating: 1, count: 80))
                    }
                }
            }
        }
        let fill = try harness.check().leafFill
        #expect(fill >= 0.58, "\(fill)")
    }

    @Test(arguments: [8, 60, 300, 1024], [0, 40, 700, 1024, 5000])
    func theTreeStaysSoundWithKeysAndValuesOfEverySizeAndOldRootsWhatTheyWere(
        keyLength: Int, valueLength: Int
    ) throws {
        for seed in Seeds.first(1) {
            var random = SeededRandom(seed: seed)
            let harness = try TreeHarness()
            var model = SortedArrayModel()
            var held: (root: TreeRoot, slot: Int, model: SortedArrayModel)?
            for _ in 0..<8 {
                try harness.begin()
                for _ in 0..<random.number(in: 1...150) {
                    // Long beginnings in common, so that prefixes and separators of all lengths
                    // come about.
                    let stem = [UInt8](
                        repeating: UInt8(random.below(3)),
                        count: random.below(max(keyLength - 7, 1)))
                    let name = stem + random.bytes(min(7, keyLength))
                    let value = random.bytes(random.number(in: valueLength / 2...valueLength))
                    #expect(
                        try harness.tree.put(name, value) == !model.contains(name),
                        "\(Seeds.again(seed))")
                    model.put(name, value)
                }
                try harness.commit()
                try harness.check()
                if let (root, slot, model) = held {
                    let old = try MemoryTree(store: harness.store, root: root).entries()
                    #expect(old.count == model.count, "\(Seeds.again(seed))")
                    #expect(zip(old, model.entries).allSatisfy { $0 == $1 }, "\(Seeds.again(seed))")
                    harness.store.versions.release(slot)
                }
                held = (
                    harness.tree.root, harness.store.versions.register(harness.transaction), model
                )
            }
            try harness.expect(model, "\(Seeds.again(seed))")
        }
    }

    @Test func leavesWhoseSeparatorsDontFitIntoTheParentAreSplitAndTheParentWithThem() throws {
        let harness = try TreeHarness()
        var random = SeededRandom(seed: 3)
        var model = SortedArrayModel()
        for _ in 0..<40 {
            try harness.write { tree in
                for _ in 0..<40 {
                    // All but the last two bytes are often alike, so separators are as long as keys.
                    let name = [UInt8](repeating: 1, count: random.oneIn(4) ? 700 : 500)
                    let whole = name + random.bytes(2)
                    try tree.put(whole, random.bytes(300))
                    model.put(whole, try #require(try tree.value(whole)))
                }
            }
            try harness.check()
        }
        try harness.expect(model)
        #expect(harness.tree.root.height >= 3)
    }
}
