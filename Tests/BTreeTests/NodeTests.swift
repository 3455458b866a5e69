import PageStore
import StorageIO
import StorageIOTesting
import Testing

@testable import BTree

@Suite struct NodeTests {
    static func leaf(_ keys: [[UInt8]], value: [UInt8] = [1]) throws -> ScratchPage {
        var entries = NodeEntries(level: 0)
        for key in keys {
            lend(key) { key in
                lend(value) { entries.insert(key, .inline($0), at: entries.count) }
            }
        }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 2, birth: 1, kind: .leaf)
        try entries.write(0..<entries.count, to: page.bytes)
        return page
    }

    /// Every key of up to three bytes out of 0, 1 and 255: zero padding at its most confusing.
    static var shortKeys: [[UInt8]] {
        var keys: [[UInt8]] = [[]]
        var last = keys
        for _ in 0..<3 {
            last = last.flatMap { key in [0, 1, 255].map { key + [$0] } }
            keys += last
        }
        return keys.sorted { SortedArrayModel.compare($0, $1) < 0 }
    }

    @Test func keysThatDifferOnlyInZeroBytesAtTheEndAreToldApartWithAnyPrefix() throws {
        for prefix in [[], [0], [5, 0], [0, 0, 0, 0], [9, 9, 9, 9, 9]] as [[UInt8]] {
            let keys = Self.shortKeys.map { prefix + $0 }
            // Every second key is in the node, every key is looked for.
            let stored = keys.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
            let page = try Self.leaf(stored)
            let node = Node(page.bytes)
            defer { withExtendedLifetime(page) {} }
            #expect(NodeCheck.problem(in: page.bytes) == nil)
            for (index, key) in keys.enumerated() {
                let position = lend(key) { node.lowerBound($0) }
                #expect(position.index == (index + 1) / 2, "\(key)")
                #expect(position.isMatch == (index % 2 == 0), "\(key)")
            }
        }
    }

    @Test func keysAboveBelowAndShorterThanThePrefixLandAtTheEnds() throws {
        let page = try Self.leaf([[5, 5, 1], [5, 5, 2], [5, 5, 3]])
        let node = Node(page.bytes)
        defer { withExtendedLifetime(page) {} }
        #expect(node.prefixLength == 2)
        for key in [[], [5], [4, 255], [5, 5], [5, 4, 9], [5, 5, 0, 9]] as [[UInt8]] {
            #expect(lend(key) { node.lowerBound($0).index } == 0, "\(key)")
        }
        for key in [[5, 5, 4], [5, 6], [6], [255, 0]] as [[UInt8]] {
            #expect(lend(key) { node.lowerBound($0).index } == 3, "\(key)")
        }
    }

    @Test func aSeparatorIsReplacedInPlaceByShorterAndLongerOnesUntilRoomIsShort() throws {
        let page = ScratchPage()
        let node = Node(page.bytes)
        defer { withExtendedLifetime(page) {} }
        var entries = NodeEntries(level: 1)
        let separators: [[UInt8]] = [[], [5, 1], [5, 2, 2, 2, 2, 2, 2, 2], [5, 9]]
        for (index, separator) in separators.enumerated() {
            lend(separator) {
                entries.insertChild($0, PageNumber(10 + index), entryCount: 7, at: index)
            }
        }
        page.bytes.writeHeader(number: 2, birth: 1, kind: .inner, level: 1)
        try entries.write(0..<4, to: page.bytes)
        let suffixes: [[UInt8]] = [[3], [2, 7, 7, 7], [3, 1, 1, 1, 8, 8]]
        for suffix in suffixes {
            let takesRoom = suffix.count > 4
            let free = node.freeBytes
            #expect(lend([5] + suffix) { node.setSeparator($0, at: 2) })
            #expect(NodeCheck.problem(in: page.bytes) == nil)
            #expect((node.freeBytes < free) == takesRoom)
            let after = NodeEntries(node)
            #expect(after.key(2).array == [5] + suffix)
            #expect(after.child(2) == 12 && after.totalEntryCount(0..<4) == 28)
            after.extendLifetime()
        }
        let before = page.array
        // Without the prefix, and longer than what is free.
        #expect(!lend([6]) { node.setSeparator($0, at: 2) })
        #expect(!lend([5] + [UInt8](repeating: 1, count: 5000)) { node.setSeparator($0, at: 2) })
        #expect(page.array == before)
    }

    @Test func aNodeEditedInPlaceStaysSoundAndEqualsASortedArray() throws {
        for seed in Seeds.first(30) {
            var random = SeededRandom(seed: seed)
            let page = try Self.leaf([[7]])
            let node = Node(page.bytes)
            defer { withExtendedLifetime(page) {} }
            var model = SortedArrayModel()
            model.put([7], [1])
            for _ in 0..<400 {
                let key = (0..<random.below(8)).map { _ in UInt8(random.below(3)) }
                let value = random.bytes(random.below(90))
                let position = lend(key) { node.lowerBound($0) }
                #expect(position.isMatch == model.contains(key), "\(Seeds.again(seed))")
                if position.isMatch {
                    if lend(value, { node.replaceInPlace(.inline($0), at: position.index) }) {
                        model.put(key, value)
                    } else if node.count > 1 {
                        node.remove(at: position.index)
                        model.delete(key)
                    }
                } else if lend(
                    key,
                    { key in
                        lend(value) { node.insert(key, .inline($0), at: position.index) }
                    })
                {
                    model.put(key, value)
                }
                #expect(NodeCheck.problem(in: page.bytes) == nil, "\(Seeds.again(seed))")
            }
            var buffer = KeyBuffer()
            #expect(node.count == model.count)
            for index in 0..<node.count {
                buffer.take(node, index)
                #expect(buffer.view.array == model.entries[index].key, "\(Seeds.again(seed))")
                guard case .inline(let value) = node.value(index) else { continue }
                #expect(value.array == model.entries[index].value, "\(Seeds.again(seed))")
            }
        }
    }

    @Test func anInnerNodeThatLosesItsFirstChildKeepsAFirstSlotWithoutKey() throws {
        var entries = NodeEntries(level: 1)
        for index in 0..<5 {
            lend(Array("separator \(index)".utf8)) {
                entries.insertChild(
                    $0, PageNumber(10 + index), entryCount: UInt64(index), at: index)
            }
        }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 2, birth: 1, kind: .inner, level: 1)
        try entries.write(0..<5, to: page.bytes)
        let node = Node(page.bytes)
        defer { withExtendedLifetime(page) {} }
        for removed in 1...4 {
            node.remove(at: 0)
            #expect(NodeCheck.problem(in: page.bytes) == nil)
            #expect(node.child(0) == PageNumber(10 + removed) && node.suffixLength(0) == 0)
        }
    }

    @Test func separatorsAreTheShortestKeysThatSeparate() throws {
        var entries = NodeEntries(level: 0)
        for (index, key) in ["alpha", "alphabet", "beta", "betb"].enumerated() {
            lend(Array(key.utf8)) { key in
                lend([]) { entries.insert(key, .inline($0), at: index) }
            }
        }
        #expect(entries.separator(at: 1).array == Array("alphab".utf8))
        #expect(entries.separator(at: 2).array == Array("b".utf8))
        #expect(entries.separator(at: 3).array == Array("betb".utf8))
        entries.extendLifetime()
    }
}
