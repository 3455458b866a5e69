import BTree
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@Suite struct TreeCursorTests {
    @Test func aCursorOnAnEmptyTreeStandsNowhereAndGoesNowhere() throws {
        var cursor = try TreeHarness().tree.makeCursor()
        #expect(try !cursor.first() && !cursor.last() && !cursor.next() && !cursor.previous())
        #expect(try !cursor.seek(index: 0))
        #expect(try !lend([1]) { try cursor.seek($0) })
        #expect(try cursor.withValue { $0.count } == nil)
    }

    @Test func aCursorTurnsRoundAtBothEnds() throws {
        let harness = try BPlusTreeTests.filled(300)
        var cursor = harness.tree.makeCursor()
        #expect(try cursor.next() && cursor.key.array == key(0))
        #expect(try !cursor.previous() && !cursor.isValid)
        #expect(try cursor.next() && cursor.key.array == key(0))
        #expect(try cursor.last() && cursor.key.array == key(299))
        #expect(try !cursor.next() && !cursor.next())
        #expect(try cursor.previous() && cursor.key.array == key(299))
        #expect(try lend(key(300)) { try !cursor.seek($0) })
        #expect(try cursor.previous() && cursor.key.array == key(299))
        #expect(try lend([]) { try !cursor.seekBefore($0) })
        #expect(try cursor.next() && cursor.key.array == key(0))
        #expect(try cursor.seek(index: 150) && cursor.key.array == key(150))
    }

    @Test func entriesDeletedUnderACursorWhileItWalksItGoesOnFromTheGapBothWays() throws {
        let harness = try BPlusTreeTests.filled(4000)
        try harness.begin()
        var cursor = harness.tree.makeCursor()
        var seen: [Int] = []
        try cursor.first()
        while cursor.isValid {
            let name = cursor.key.array
            seen.append(Int(name[6]) << 8 + Int(name[7]))
            if seen.count % 3 != 0 {
                try harness.tree.delete(name)
                #expect(try !cursor.rebase(on: harness.tree))
            }
            try cursor.next()
        }
        #expect(seen == Array(0..<4000))
        try harness.commit()
        try harness.check()
        try harness.begin()
        try cursor.rebase(on: harness.tree)
        var left = 0
        try cursor.last()
        while cursor.isValid {
            try harness.tree.delete(cursor.key.array)
            try cursor.rebase(on: harness.tree)
            try cursor.previous()
            left += 1
        }
        #expect(left == 1333 && harness.tree.isEmpty)
        try harness.commit()
    }

    @Test func aCursorCarriedOverToAChangedTreeStandsOnTheSameKey() throws {
        let harness = try BPlusTreeTests.filled(100)
        try harness.begin()
        var cursor = harness.tree.makeCursor()
        try lend(key(50)) { _ = try cursor.seek($0) }
        for number in 100..<3000 {
            try harness.tree.put(key(number), key(number))
            if number % 100 == 0 { #expect(try cursor.rebase(on: harness.tree)) }
        }
        try harness.tree.put(key(50), [7])
        #expect(try cursor.rebase(on: harness.tree))
        #expect(try cursor.withValue { $0.array } == [7])
        try harness.tree.deleteAll()
        #expect(try !cursor.rebase(on: harness.tree))
        #expect(try !cursor.next())
        try harness.commit()
    }

    @Test func aCopyOfACursorMovesByItself() throws {
        let harness = try BPlusTreeTests.filled(100)
        var one = harness.tree.makeCursor()
        try one.first()
        var other = one
        try other.next()
        #expect(one.key.array == key(0) && other.key.array == key(1))
        try one.last()
        #expect(one.key.array == key(99) && other.key.array == key(1))
    }
}
