import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@Suite struct BulkLoaderTests {
    @Test func aBulkLoadOfAnySizeGivesASoundTreeWithTheSameEntriesAndFullLeaves() throws {
        for count in [0, 1, 2, 50, 51, 1000, 30_000] {
            let harness = try TreeHarness()
            var model = SortedArrayModel()
            try harness.write { tree in
                let loader = BulkLoader(store: harness.store)
                for number in 0..<count {
                    let value = [UInt8](
                        repeating: UInt8(number % 251), count: number % 997 == 3 ? 6000 : 40)
                    try lend(key(number * 3, length: 12)) { key in
                        try lend(value) { try loader.append(key, $0) }
                    }
                    model.put(key(number * 3, length: 12), value)
                }
                tree = BPlusTree(store: harness.store, root: try loader.finish())
            }
            let report = try harness.check()
            try harness.expect(model)
            if count >= 1000 {
                let full = Double(report.leafPages - 1) / Double(report.leafPages)
                #expect(report.leafFill >= 0.95 * full, "\(count): \(report.leafFill)")
            }
            try harness.write { tree in
                for number in 0..<min(count, 500) { try tree.put(key(number, length: 12), []) }
            }
            try harness.check()
        }
    }

    @Test(arguments: Seeds.first(20))
    func keysOfAllLengthsAndPrefixesLoadFull(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var model = SortedArrayModel()
        for _ in 0..<random.number(in: 1...900) {
            let prefix = [UInt8](repeating: UInt8(random.below(2)), count: random.below(900))
            model.put(prefix + random.bytes(random.below(120)), random.bytes(random.below(700)))
        }
        let harness = try TreeHarness()
        try harness.write { tree in
            let loader = BulkLoader(store: harness.store)
            for entry in model.entries {
                try lend(entry.key) { key in
                    try lend(entry.value) { try loader.append(key, $0) }
                }
            }
            tree = BPlusTree(store: harness.store, root: try loader.finish())
        }
        try harness.check()
        try harness.expect(model, "\(Seeds.again(seed))")
    }

    @Test func keysThatDontAscendAreRefusedAndTheLoadGoesOnWithoutThem() throws {
        let harness = try TreeHarness()
        try harness.begin()
        let loader = BulkLoader(store: harness.store)
        try lend([5]) { key in try loader.append(key, key) }
        for wrong in [[5], [4, 9], []] as [[UInt8]] {
            let error = #expect(throws: StorageError.self) {
                try lend(wrong) { try loader.append($0, $0) }
            }
            #expect(error?.code == .notSorted)
        }
        try lend([5, 0]) { key in try loader.append(key, key) }
        #expect(try loader.finish().entryCount == 2)
        // A loader that is finished builds nothing more.
        let again = #expect(throws: StorageError.self) { _ = try loader.finish() }
        #expect(again?.code == .invalidArgument)
        let more = #expect(throws: StorageError.self) {
            for number in 0..<1000 {
                try lend(key(number + (6 << 56))) { try loader.append($0, $0) }
            }
        }
        #expect(more?.code == .invalidArgument)
        harness.abort()
        #expect(harness.store.statistics.freePages == harness.store.pageCount - 2)
    }
}
