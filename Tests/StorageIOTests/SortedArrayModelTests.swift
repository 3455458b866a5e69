import StorageIOTesting
import Testing

@Suite struct SortedArrayModelTests {
    @Test func putGetDelete() {
        var model = SortedArrayModel()
        #expect(model.put([2], [20]) && model.put([1], [10]) && model.put([], [0]))
        #expect(model.put([1], [11]) == false)
        #expect(model.get([1]) == [11] && model.get([3]) == nil && model.get([]) == [0])
        #expect(model.count == 3 && model.contains([2]))
        #expect(model.delete([1]) && !model.delete([1]))
        #expect(model.entries.map(\.key) == [[], [2]])
        model.deleteAll()
        #expect(model == SortedArrayModel())
    }

    @Test func rangesRanksAndPlaces() {
        var model = SortedArrayModel()
        for key: UInt8 in [1, 3, 5, 7] { model.put([key], [key]) }
        model.put([5, 0], [50])
        #expect(model.rank([0]) == 0 && model.rank([3]) == 1 && model.rank([9]) == 5)
        #expect(model.nth(3)?.key == [5, 0] && model.nth(5) == nil && model.nth(-1) == nil)
        #expect(model.range(from: [3], to: [7]).map(\.key) == [[3], [5], [5, 0]])
        #expect(model.range(to: [3], reverse: true).map(\.key) == [[1]])
        #expect(model.prefix([5]).map(\.key) == [[5], [5, 0]])
        #expect(model.count(from: [7], to: [3]) == 0 && model.count() == 5)
        #expect(model.deleteRange(from: [2], to: [5, 0]) == 2)
        #expect(model.entries.map(\.key) == [[1], [5, 0], [7]])
    }

    @Test(arguments: Seeds.first(5)) func matchesADictionary(_ seed: UInt64) {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        var model = SortedArrayModel()
        var dictionary: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<1_000 {
            let key = random.bytes(random.below(3)).map { $0 % 8 }
            if random.oneIn(3) {
                #expect(model.delete(key) == (dictionary.removeValue(forKey: key) != nil), again)
            } else {
                let value = random.bytes(4)
                #expect(
                    model.put(key, value) == (dictionary.updateValue(value, forKey: key) == nil),
                    again)
            }
        }
        let sorted = dictionary.keys.sorted { $0.lexicographicallyPrecedes($1) }
        #expect(model.entries.map(\.key) == sorted, again)
        #expect(model.entries.allSatisfy { dictionary[$0.key] == $0.value }, again)
    }
}
