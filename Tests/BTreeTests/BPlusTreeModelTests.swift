import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

/// Random operations in many transactions against a sorted array.
///
/// Covers put, get, delete, deleteRange, both scans, cursors, rank, n-th, counts, abort, and older
/// roots that go on reading their own version. Doesn't cover a store that evicts: the page store's
/// own suite and the database's model test do.
///
/// A finding names the line that runs its seed again (`Seeds`).
@Suite struct BPlusTreeModelTests {
    /// What keys and values of a run look like.
    enum Profile: Int, CaseIterable {
        case small, sharedPrefix, zeros, long, wideValues, clustered
    }

    struct Generator {
        let profile: Profile
        var random: SeededRandom
        let keySpace: Int

        mutating func key() -> [UInt8] {
            switch profile {
            case .small: return random.bytes(random.below(3))
            case .sharedPrefix:
                let prefix = [UInt8](repeating: 7, count: [0, 3, 40, 900][random.below(4)])
                return prefix + BTreeTests.key(random.below(keySpace), length: 3)
            case .zeros:
                return (0..<random.below(9)).map { _ in random.oneIn(3) ? 1 : 0 }
            case .long:
                let number = random.below(keySpace)
                let length = 1 + number * 7919 % 1024
                return BTreeTests.key(number, length: 2)
                    + [UInt8](repeating: UInt8(number % 3), count: min(length - 1, 1022))
            case .wideValues: return BTreeTests.key(random.below(keySpace))
            case .clustered:
                let cluster = random.below(8) << 40
                return BTreeTests.key(cluster + random.below(keySpace / 8), length: 12)
            }
        }

        mutating func value() -> [UInt8] {
            let byte = UInt8(truncatingIfNeeded: random.next())
            let length: Int
            if profile == .wideValues {
                length = random.oneIn(50) ? 100_000 : random.below(5001)
            } else {
                length = random.oneIn(4) ? random.below(1300) : random.below(40)
            }
            return [UInt8](repeating: byte, count: length)
        }
    }

    static let seeds: [UInt64] = Seeds.first(24)

    @Test(arguments: seeds)
    func r1R5R6R10ATreeDoesWhatASortedArrayDoes(seed: UInt64) throws {
        let comment: Comment = "\(Seeds.again(seed))"
        let profile = Profile.allCases[Int(seed % UInt64(Profile.allCases.count))]
        var random = SeededRandom(seed: seed)
        var generator = Generator(
            profile: profile, random: SeededRandom(seed: ~seed),
            keySpace: [50, 400, 3000][random.below(3)])
        let harness = try TreeHarness()
        var model = SortedArrayModel()
        var held: (root: TreeRoot, slot: Int, model: SortedArrayModel)?
        for round in 0..<25 {
            try harness.begin()
            var changed = model
            for _ in 0..<random.below(160) {
                try step(&harness.tree, &changed, &generator, &random, comment)
            }
            if random.oneIn(5) {
                harness.abort()
            } else {
                try harness.commit()
                model = changed
            }
            try harness.check(accounting: held == nil)
            if let old = held {
                try harness.check(old.root, accounting: false)
                let entries = try MemoryTree(store: harness.store, root: old.root).entries()
                #expect(entries.count == old.model.count, comment)
                #expect(
                    zip(entries, old.model.entries).allSatisfy {
                        $0.key == $1.key && $0.value == $1.value
                    }, comment)
                if random.oneIn(4) {
                    harness.store.versions.release(old.slot)
                    held = nil
                }
            } else if random.oneIn(4) {
                let slot = harness.store.versions.register(harness.transaction)
                held = (harness.tree.root, slot, model)
            }
            if round % 5 == 4 { try harness.expect(model, comment) }
        }
        try harness.expect(model, comment)
    }

    private func step(
        _ tree: inout MemoryTree, _ model: inout SortedArrayModel, _ generator: inout Generator,
        _ random: inout SeededRandom, _ comment: Comment
    ) throws {
        let key = generator.key()
        switch random.below(100) {
        case ..<50:
            let value = generator.value()
            #expect(try tree.put(key, value) == model.put(key, value), comment)
        case ..<72:
            let root = tree.root
            let wasThere = model.delete(key)
            #expect(try tree.delete(key) == wasThere, comment)
            if !wasThere { #expect(tree.root == root, "an absent key was shadowed") }
        case ..<75:
            let to = random.oneIn(6) ? nil : generator.key()
            let from = random.oneIn(6) ? nil : key
            // Not too often all of it.
            guard from != nil || to != nil || random.oneIn(5) else { return }
            #expect(
                try tree.deleteRange(from, to) == UInt64(model.deleteRange(from: from, to: to)),
                comment)
        case ..<82:
            #expect(try tree.value(key) == model.get(key), comment)
            #expect(try lend(key) { try tree.contains($0) } == model.contains(key), comment)
        case ..<88:
            let to = generator.key()
            #expect(try tree.rank(key) == UInt64(model.rank(key)), comment)
            #expect(try tree.count(key, to) == UInt64(model.count(from: key, to: to)), comment)
        case ..<93:
            let index = random.below(model.count + 1)
            let entry = try tree.entry(at: UInt64(index))
            #expect(entry?.key == model.nth(index)?.key, comment)
            #expect(entry?.value == model.nth(index)?.value, comment)
        case ..<96:
            let to = random.oneIn(3) ? nil : generator.key()
            let reverse = random.oneIn(2)
            let entries = try tree.entries(key, to, reverse: reverse)
            let expected = model.range(from: key, to: to, reverse: reverse)
            #expect(entries.count == expected.count, comment)
            #expect(
                zip(entries, expected).allSatisfy { $0.key == $1.key && $0.value == $1.value },
                comment)
        default:
            try walk(tree, model, from: key, &random, comment)
        }
    }

    /// A cursor that wanders from `key` in both directions.
    private func walk(
        _ tree: MemoryTree, _ model: SortedArrayModel, from key: [UInt8],
        _ random: inout SeededRandom, _ comment: Comment
    ) throws {
        var cursor = tree.makeCursor()
        var place = model.rank(key)
        if random.oneIn(2) {
            try lend(key) { _ = try cursor.seek($0) }
        } else {
            try lend(key) { _ = try cursor.seekBefore($0) }
            place -= 1
        }
        for _ in 0..<20 {
            #expect(cursor.isValid == model.entries.indices.contains(place), comment)
            if cursor.isValid {
                #expect(cursor.key.array == model.nth(place)?.key, comment)
                let value = try cursor.withValue { $0.array }
                #expect(value == model.nth(place)?.value, comment)
            }
            if random.oneIn(2) {
                try cursor.next()
                place = min(place + 1, model.count)
            } else {
                try cursor.previous()
                place = max(place - 1, -1)
            }
            if model.count == 0 { return }
        }
    }
}
