import PageStore
import StorageIO

/// What moving pages to the front of the file came to.
public struct Relocation: Sendable, Equatable {
    /// Pages moved, those of overflow runs included.
    public var pagesMoved = 0
    /// Whether no page of the tree is left at or above the limit.
    public var isComplete = true

    /// Nothing moved, nothing left to move.
    public init() {}
}

extension BPlusTree {
    /// Moves pages with high numbers to lower ones, so that the file can be cut.
    ///
    /// Content and counts stay as they are. The allocator gives the lowest free page, so moving ends
    /// when it gives one that is no lower.
    ///
    /// - Parameters:
    ///   - limit: pages from this number on are to move.
    ///   - maximumPages: ends the walk after about so many moves, for a transaction of bounded size.
    ///   - pace: called after each moved page, between two steps of the walk; it may write out dirty
    ///     pages, so that memory stays bounded.
    /// - Returns: how many moved, and whether none is left.
    /// - Throws: `damaged`, `inputOutput`, `diskFull`, after which the transaction can only be
    ///   aborted.
    /// - Complexity: O(pages of the tree): every leaf is looked at for its overflow runs.
    @discardableResult
    public mutating func relocate(
        above limit: PageNumber, maximumPages: Int = .max,
        pace: () throws(StorageError) -> Void = {}
    ) throws(StorageError) -> Relocation {
        try checkWritable()
        guard !root.isEmpty else { return Relocation() }
        var walk = RelocationWalk(limit: limit, maximumPages: maximumPages)
        do {
            root.page = try relocate(root.page, level: Int(root.height) - 1, &walk, pace)
        } catch { throw fail(error) }
        changeCount &+= 1
        return walk.result
    }

    /// Moves what is to move of a subtree.
    ///
    /// - Returns: where its top node is now.
    private func relocate(
        _ number: PageNumber, level: Int, _ walk: inout RelocationWalk,
        _ pace: () throws(StorageError) -> Void
    ) throws(StorageError) -> PageNumber {
        var current = number
        if number >= walk.limit { current = try moveNode(number, level: level, &walk) }
        if level == 0 { return try relocateRuns(current, &walk) }
        let children = try store.withNode(current, level: level) { node in
            (0..<node.count).map { node.child($0) }
        }
        for (slot, child) in children.enumerated() {
            if walk.isOver { break }
            let moved = try relocate(child, level: level - 1, &walk, pace)
            guard moved != child else { continue }
            current = try change(current, level: level) { $0.setChild(moved, at: slot) }
            try pace()
        }
        return current
    }

    /// Moves the overflow runs of a leaf.
    private func relocateRuns(
        _ number: PageNumber, _ walk: inout RelocationWalk
    ) throws(StorageError) -> PageNumber {
        var current = number
        let values = try store.withNode(number, level: 0) { (leaf) throws(StorageError) in
            try walk.order.enter(leaf)
            return (0..<leaf.count).compactMap { index in
                if case .overflow(let page, let byteCount) = leaf.value(index) {
                    return (index: index, page: page, byteCount: byteCount)
                }
                return nil
            }
        }
        for value in values where value.page >= walk.limit {
            if walk.isOver { break }
            let moved = try moveRun(value.page, byteCount: value.byteCount, &walk)
            guard moved != value.page else { continue }
            current = try change(current, level: 0) {
                $0.setOverflowPage(moved, at: value.index)
            }
        }
        return current
    }

    private func moveNode(
        _ number: PageNumber, level: Int, _ walk: inout RelocationWalk
    ) throws(StorageError) -> PageNumber {
        guard !walk.isOver else {
            walk.result.isComplete = false
            return number
        }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let node = try store.node(number, level: level)
        let target = try store.allocate()
        guard target < number else {
            try store.retire(target, birth: store.transaction)
            walk.noPageLeft()
            return number
        }
        let page = store.window.address(target)
        let birth = node.page.birth
        page.copyAll(of: node.page)
        page.store(target, at: PageLayout.pageNumber)
        page.store(store.transaction, at: PageLayout.birth)
        try store.retire(number, birth: birth)
        walk.moved(1, to: target)
        return target
    }

    /// From how many bytes on a value is copied in portions.
    private static var longValueByteCount: Int { 256 << 10 }

    private func moveLongRun(
        _ number: PageNumber, byteCount: Int, _ walk: inout RelocationWalk
    ) throws(StorageError) -> PageNumber {
        let draft = try store.beginRun(byteCount: byteCount)
        guard draft.page < number else {
            store.abandonRun(draft)
            walk.smallestStuckRun = byteCount
            walk.result.isComplete = false
            return number
        }
        let source: RunReader
        do throws(StorageError) {
            source = try store.openRun(number, byteCount: byteCount)
        } catch {
            store.abandonRun(draft)
            throw error
        }
        let target = try store.copyRun(source, to: draft)
        try store.retireOverflow(number, byteCount: byteCount)
        walk.moved(TreeLimits.overflowPageCount(byteCount: byteCount), to: target)
        return target
    }

    private func moveRun(
        _ number: PageNumber, byteCount: Int, _ walk: inout RelocationWalk
    ) throws(StorageError) -> PageNumber {
        guard byteCount < walk.smallestStuckRun else {
            walk.result.isComplete = false
            return number
        }
        guard byteCount < Self.longValueByteCount else {
            return try moveLongRun(number, byteCount: byteCount, &walk)
        }
        let token = store.beginRead()
        defer { store.endRead(token) }
        let value = try store.overflow(number, byteCount: byteCount)
        let target = try store.allocateOverflow(value)
        guard target < number else {
            try store.retireOverflow(target, byteCount: byteCount)
            walk.smallestStuckRun = byteCount
            walk.result.isComplete = false
            return number
        }
        try store.retireOverflow(number, byteCount: byteCount)
        walk.moved(TreeLimits.overflowPageCount(byteCount: byteCount), to: target)
        return target
    }

    /// Changes one field of a node, copied first if it is older than the transaction.
    private func change(
        _ number: PageNumber, level: Int, _ body: (Node) -> Void
    ) throws(StorageError) -> PageNumber {
        let token = store.beginRead()
        defer { store.endRead(token) }
        let current = try writable(number, level: level)
        body(Node(store.window.address(current)))
        return current
    }
}

/// The state of one walk of `relocate`.
private struct RelocationWalk {
    let limit: PageNumber
    let maximumPages: Int
    var result = Relocation()
    var order = LeafOrder()
    /// A run of this length found no lower place; longer ones won't either.
    var smallestStuckRun = Int.max
    /// No lower page is free, or enough have moved.
    private(set) var isOver = false

    init(limit: PageNumber, maximumPages: Int) {
        self.limit = limit
        self.maximumPages = maximumPages
    }

    mutating func moved(_ pageCount: Int, to target: PageNumber) {
        result.pagesMoved += pageCount
        if target >= limit { result.isComplete = false }
        if result.pagesMoved >= maximumPages { noPageLeft() }
    }

    mutating func noPageLeft() {
        isOver = true
        result.isComplete = false
    }
}
