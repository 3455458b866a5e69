import PageStore
import StorageIO
import Testing

@testable import BTree

/// Each way to break a tree that passes every page's own check is found, with the page named.
@Suite struct InvariantTests {
    /// Breaks a sound tree by `harm`, which gets its root node and the first leaf and says which page
    /// is to be named (nil: any).
    private func expectDamage(_ harm: (TreeHarness, Node, Node) throws -> PageNumber?) throws {
        let harness = try TreeHarness()
        try HostileTreeTests.load(harness, entries: 600)
        try harness.check()
        let window = harness.store.window
        let root = Node(window.address(harness.tree.root.page))
        var node = root
        while !node.isLeaf { node = Node(window.address(node.child(0))) }
        let page = try harm(harness, root, node)
        let error = #expect(throws: StorageError.self) { try harness.check(accounting: false) }
        #expect(error?.code == .damaged && error?.page != nil)
        if let page { #expect(error?.page == page) }
    }

    @Test func r10ACountThatIsOffByOneIsFound() throws {
        try expectDamage { _, root, _ in
            root.setEntryCount(root.entryCount(1) + 1, at: 1)
            return root.page.number
        }
    }

    @Test func aKeyAboveTheNextSeparatorIsFound() throws {
        try expectDamage { _, _, leaf in
            let first = key(599, length: 9)
            leaf.remove(at: leaf.count - 1)
            let entries = NodeEntries(leaf)
            var changed = entries.suffix(from: 0)
            lend(first) { key in
                lend([]) { changed.insert(key, .inline($0), at: changed.count) }
            }
            try changed.write(0..<changed.count, to: leaf.page)
            return leaf.page.number
        }
    }

    @Test func keysOutOfOrderBehindEqualHeadsAreFound() throws {
        try expectDamage { _, _, leaf in
            // Suffixes of more than four bytes whose heads are equal, in the wrong order.
            var entries = NodeEntries(level: 0)
            for (index, last) in [1, 9, 5].enumerated() {
                lend([0, 0, 0, 0, 0, UInt8(last)]) { key in
                    lend([]) { entries.insert(key, .inline($0), at: index) }
                }
            }
            try entries.write(0..<3, to: leaf.page)
            return leaf.page.number
        }
    }

    @Test func aPageReachedByTwoWaysIsFoundAlsoWithoutAVisitor() throws {
        try expectDamage { _, root, _ in
            root.setChild(root.child(0), at: 1)
            return nil
        }
        let harness = try TreeHarness()
        try HostileTreeTests.load(harness, entries: 600)
        let root = Node(harness.store.window.address(harness.tree.root.page))
        root.setChild(root.child(0), at: 1)
        #expect(throws: StorageError.self) { try harness.tree.checkInvariants() }
    }

    @Test func aNodeAtTheWrongLevelIsFound() throws {
        try expectDamage { _, root, leaf in
            root.setChild(
                root.child(0) == leaf.page.number ? root.page.number : leaf.page.number, at: 0)
            return nil
        }
    }

    @Test func anOverflowRunOfAnotherLengthOrAtAnotherPlaceIsFound() throws {
        try expectDamage { _, _, leaf in
            for index in 0..<leaf.count {
                guard case .overflow = leaf.value(index) else { continue }
                leaf.page.store(4999 as UInt32, at: leaf.cellOffset(index) + 6)
            }
            return nil
        }
        try expectDamage { _, _, leaf in
            for index in 0..<leaf.count {
                guard case .overflow = leaf.value(index) else { continue }
                leaf.setOverflowPage(leaf.page.number, at: index)
            }
            return nil
        }
    }

    @Test func aRootThatCountsWrongIsFound() throws {
        try expectDamage { harness, _, _ in
            harness.tree.root.entryCount += 1
            return harness.tree.root.page
        }
    }

    @Test func aVisitorCanRefuseAPageAndItsErrorComesThrough() throws {
        let harness = try TreeHarness()
        try HostileTreeTests.load(harness, entries: 600)
        var pages = 0
        let error = #expect(throws: StorageError.self) {
            try harness.tree.checkInvariants { (_, _, _, _) throws(StorageError) in
                pages += 1
                if pages == 3 { throw StorageError(.busy, "enough") }
            }
        }
        #expect(error?.code == .busy && pages == 3)
    }
}
