import PageStore
import StorageIO
import StorageIOTesting
import Testing

@testable import BTree

/// Trees that nobody wrote by this code: every operation gives a result or a typed error, ends, and
/// never traps. (What the results are is of no interest here; a trap ends the whole test run.)
@Suite struct HostileTreeTests {
    /// Changes a few bytes of a page, mostly where they hurt: header, slots, cells' length fields.
    static func mutate(_ page: PageBytes, _ random: inout SeededRandom) {
        for _ in 0...random.below(4) {
            let node = Node(page)
            let offset =
                switch random.below(5) {
                case 0: random.number(in: PageLayout.birth...31)
                case 1, 2: random.number(in: 32...max(node.slotsEnd, 33))
                case 3: node.cellOffset(random.below(max(node.count, 1))) + random.below(12)
                default: random.number(in: min(node.cellStart, 4095)...4095)
                }
            let value: UInt8 =
                switch random.below(4) {
                case 0: UInt8(truncatingIfNeeded: random.next())
                case 1: page.u8(offset) ^ UInt8(1 << random.below(8))
                case 2: 0
                default: UInt8(random.below(6))
                }
            page.store(value, at: offset)
        }
    }

    static func node(_ random: inout SeededRandom) throws -> ScratchPage {
        var model = SortedArrayModel()
        let stem = random.bytes(random.below(6))
        for _ in 0...random.below(40) { model.put(stem + random.bytes(random.below(9)), []) }
        if random.oneIn(2) {
            return try NodeTests.leaf(
                model.entries.map(\.key), value: random.bytes(random.below(40)))
        }
        var entries = NodeEntries(level: 1)
        for (index, entry) in model.entries.enumerated() {
            lend(index == 0 ? [] : entry.key) {
                entries.insertChild($0, PageNumber(2 + index), entryCount: 5, at: index)
            }
        }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 2, birth: 1, kind: .inner, level: 1)
        try entries.write(0..<entries.count, to: page.bytes)
        return page
    }

    @Test func r7ANodeThatPassesTheCheckCanBeReadAndEditedWithoutATrap() throws {
        var admitted = 0
        for seed in Seeds.first(4000) {
            var random = SeededRandom(seed: seed)
            let page = try Self.node(&random)
            Self.mutate(page.bytes, &random)
            guard NodeCheck.check(page.bytes) == nil, page.bytes.rawKind <= 2 else { continue }
            admitted += 1
            let node = Node(page.bytes)
            var buffer = KeyBuffer()
            for index in 0..<node.count {
                buffer.take(node, index)
                #expect(buffer.view.count <= TreeLimits.maximumKeyLength)
                if node.isLeaf { _ = node.value(index) } else { _ = node.child(index) }
                #expect(lend(buffer.view.array) { node.lowerBound($0).index } <= node.count)
            }
            _ = node.begins(before: node)
            let entries = NodeEntries(node)
            if entries.splitPoint(.none) != nil { _ = entries.separator(at: 1) }
            let copy = ScratchPage()
            try? entries.write(0..<entries.count, to: copy.bytes)
            withExtendedLifetime(copy) {}
            for _ in 0..<30 where node.count > 1 {
                let key = random.bytes(random.below(12))
                let index = lend(key) { node.lowerBound($0).index }
                switch random.below(3) {
                case 0: node.remove(at: random.below(node.count))
                case 1 where node.isLeaf:
                    lend(random.bytes(random.below(60))) { value in
                        lend(key) { _ = node.insert($0, .inline(value), at: index) }
                        _ = node.replaceInPlace(.inline(value), at: random.below(node.count))
                    }
                case 1:
                    lend(key) {
                        _ = node.insertChild($0, 9, entryCount: 1, at: max(1, index))
                    }
                default: _ = node.usedBytes
                }
            }
            withExtendedLifetime(page) {}
        }
        #expect(
            admitted > 100 || Seeds.chosen != nil, "the mutations were all refused: \(admitted)")
    }

    @Test func readsAndWritesOverMutatedPagesGiveErrorsOrResultsNeverACrash() throws {
        for seed in Seeds.first(60) {
            var random = SeededRandom(seed: seed)
            let harness = try TreeHarness(pages: 4096)
            try Self.load(harness, entries: 100 + random.below(500))
            var pages: [PageNumber] = []
            try harness.tree.checkInvariants { (page, kind, _, _) throws(StorageError) in
                if kind != .overflow { pages.append(page) }
            }
            for _ in 0...random.below(3) {
                let target = harness.store.window.address(pages[random.below(pages.count)])
                let before = ScratchPage()
                before.bytes.copyAll(of: target)
                if random.oneIn(3), Node(target).isLeaf == false {
                    // A link to some other page of the store.
                    Node(target).setChild(
                        pages[random.below(pages.count)], at: random.below(Node(target).count))
                } else {
                    Self.mutate(target, &random)
                }
                // The store would not let these in.
                if NodeCheck.check(target) != nil { target.copyAll(of: before.bytes) }
                withExtendedLifetime(before) {}
            }
            Self.useAll(harness, &random)
        }
    }

    /// A tree with small and big values, three levels high.
    static func load(_ harness: TreeHarness, entries: Int) throws {
        try harness.begin()
        let loader = BulkLoader(store: harness.store)
        for number in 0..<entries {
            let length = number % 61 == 7 ? 5000 : 300
            try lend(key(number, length: 9)) { key in
                try lend([UInt8](repeating: 3, count: length)) { try loader.append(key, $0) }
            }
        }
        harness.tree = BPlusTree(store: harness.store, root: try loader.finish())
        try harness.commit()
    }

    /// Runs every operation, whatever comes of it.
    static func useAll(_ harness: TreeHarness, _ random: inout SeededRandom) {
        let tree = harness.tree
        var seen = 0
        let body: (ByteView, ByteView) throws(StorageError) -> Bool = { key, value in
            seen += key.count + value.count
            return true
        }
        for number in stride(from: 0, to: 600, by: 23) {
            _ = try? tree.value(key(number, length: 9))
        }
        try? tree.forEach(body)
        try? tree.forEach(reverse: true, body)
        _ = try? tree.rank(key(100, length: 9))
        for index in stride(from: 0, to: tree.count, by: 31) { _ = try? tree.entry(at: index) }
        var cursor = tree.makeCursor()
        _ = try? cursor.last()
        for _ in 0..<2000 where cursor.isValid {
            _ = try? cursor.withValue { $0.count }
            guard (try? cursor.previous()) != nil else { break }
        }
        _ = try? tree.checkInvariants()
        let writes: [(inout MemoryTree, inout SeededRandom) throws -> Void] = [
            { tree, random in
                for _ in 0..<60 {
                    try tree.put(key(random.below(700), length: 9), random.bytes(random.below(900)))
                }
            },
            { tree, random in
                for _ in 0..<60 { try tree.delete(key(random.below(600), length: 9)) }
            },
            { tree, random in
                let low = random.below(600)
                try tree.deleteRange(key(low, length: 9), key(low + random.below(400), length: 9))
            },
            { tree, _ in try tree.relocate(above: 20) },
            { tree, _ in try tree.deleteAll() },
        ]
        for write in writes {
            do {
                try harness.begin()
                try write(&harness.tree, &random)
            } catch {}
            harness.abort()
        }
    }

    @Test func aLinkBackToAnAncestorIsRefusedNotFollowedForEver() throws {
        let harness = try TreeHarness()
        try Self.load(harness, entries: 600)
        let root = harness.store.window.address(harness.tree.root.page)
        Node(root).setChild(harness.tree.root.page, at: 0)
        for result in [
            #expect(throws: StorageError.self) { try harness.tree.value(key(0, length: 9)) },
            #expect(throws: StorageError.self) { try harness.tree.entries() },
            #expect(throws: StorageError.self) { try harness.tree.checkInvariants() },
        ] {
            #expect(result?.code == .damaged && result?.page == harness.tree.root.page)
        }
    }

    @Test func aTreeWhoseNodesShareChildrenWithoutEndIsRefusedByEverythingThatWalksIt() throws {
        let harness = try TreeHarness()
        try harness.begin()
        var child: PageNumber = 0
        for level in 0..<20 {
            var entries = NodeEntries(level: level)
            for index in 0..<50 {
                lend(level > 0 && index == 0 ? [] : key(index)) { key in
                    if level == 0 {
                        lend([]) { entries.insert(key, .inline($0), at: index) }
                    } else {
                        entries.insertChild(key, child, entryCount: 50, at: index)
                    }
                }
            }
            child = try harness.store.allocate()
            let page = harness.store.window.address(child)
            page.writeHeader(
                number: child, birth: 1, kind: level == 0 ? .leaf : .inner, level: UInt8(level))
            try entries.write(0..<50, to: page)
            #expect(NodeCheck.check(page) == nil)
        }
        try harness.commit()
        harness.tree = BPlusTree(
            store: harness.store, root: TreeRoot(page: child, height: 20, entryCount: 1 << 40))
        #expect(throws: StorageError.self) { try harness.tree.checkInvariants() }
        #expect(throws: StorageError.self) { try harness.tree.entries() }
        #expect(throws: StorageError.self) { try harness.tree.entries(reverse: true) }
        var cursor = harness.tree.makeCursor()
        #expect(throws: StorageError.self) { while try cursor.next() {} }
        for write in [
            { (tree: inout MemoryTree) in try tree.deleteAll() },
            { tree in try tree.deleteRange(key(3), key(40)) },
            { tree in try tree.relocate(above: 30) },
        ] {
            try harness.begin()
            #expect(throws: StorageError.self) { try write(&harness.tree) }
            harness.abort()
        }
    }

    @Test func aRootRecordThatCantBeIsRefused() throws {
        let harness = try TreeHarness()
        try Self.load(harness, entries: 300)
        let page = harness.tree.root.page
        for root in [
            TreeRoot(page: page, height: 0, entryCount: 1),
            TreeRoot(page: 0, height: 1, entryCount: 0),
            TreeRoot(page: page, height: 33, entryCount: 300),
            TreeRoot(page: page, height: 1, entryCount: 300),
            TreeRoot(page: 1, height: 1, entryCount: 300),
            TreeRoot(page: .max, height: 1, entryCount: 300),
        ] {
            let tree = BPlusTree(store: harness.store, root: root)
            let error = #expect(throws: StorageError.self) { try tree.value([1]) }
            #expect(error?.code == .damaged)
            #expect(throws: StorageError.self) { try tree.checkInvariants() }
        }
    }
}
