import PageStore
import StorageIO

/// Where a ``TreeSurvey`` gets pages from.
public protocol SurveySource: AnyObject {
    /// Copies a tree node into the first page of `buffer`, after every check that it needs by itself
    /// (R7); what is wrong otherwise.
    func copyNode(_ page: PageNumber, into buffer: PageBuffer) -> PageFlaw?

    /// What is wrong with the overflow run of a value, if anything.
    func runFlaw(_ page: PageNumber, byteCount: Int) -> PageFlaw?
}

/// Who is told what a ``TreeSurvey`` meets, in key order.
public protocol SurveyVisitor: AnyObject {
    /// Says that a node is about to be looked at.
    ///
    /// - Returns: nil when nothing speaks against it, and then it is taken; else why not. A page
    ///   must not be given twice.
    func claim(_ page: PageNumber) -> SurveyRefusal?

    /// The same for the overflow run of a value.
    func claimRun(_ page: PageNumber, byteCount: Int) -> SurveyRefusal?

    /// A sound leaf whose keys lie in `low ..< high`. Faults of its values follow.
    func leaf(_ leaf: borrowing LeafContents, _ page: PageNumber, low: [UInt8]?, high: [UInt8]?)

    /// Something is wrong. If the fault loses a subtree, no leaf of it was or will be visited.
    func fault(_ fault: TreeFault)

    /// Whether the survey is to end: nothing more is looked at, and nothing more is told.
    var isStopped: Bool { get }
}

extension SurveyVisitor {
    /// False: the survey goes on to the end.
    public var isStopped: Bool { false }
}

/// Why a page can't be part of a tree.
public enum SurveyRefusal: Sendable {
    /// It is part of one already.
    case usedTwice
    /// It can't be part of any.
    case flaw(PageFlaw)
}

/// Reads a tree that may be damaged anywhere, and goes on behind each fault: a damaged subtree hides
/// nothing but itself.
///
/// It holds the same rules as `BPlusTree.checkInvariants` (T1 to T5). It ends and doesn't trap on any
/// tree, however hostile: levels go down with each step, and no page is claimed twice. Memory is one
/// node per level.
public struct TreeSurvey<Source: SurveySource, Visitor: SurveyVisitor> {
    private let source: Source
    private let visitor: Visitor
    /// What the sound part of the tree consists of.
    public private(set) var report = TreeReport()

    /// A survey of one tree.
    public init(source: Source, visitor: Visitor) {
        self.source = source
        self.visitor = visitor
    }

    /// Walks the whole tree.
    ///
    /// - Returns: whether all of it could be looked at; false when the visitor stopped it.
    @discardableResult
    public mutating func walk(_ root: TreeRoot) -> Bool {
        do throws(StorageError) {
            try root.validate()
        } catch {
            visitor.fault(
                TreeFault(
                    kind: .root, page: root.page, level: max(0, Int(root.height) - 1),
                    entryCount: root.entryCount))
            return false
        }
        guard !root.isEmpty else { return true }
        report.height = Int(root.height)
        let place = Place(
            page: root.page, level: Int(root.height) - 1, low: nil, high: nil,
            entryCount: root.entryCount)
        guard let found = walk(place) else { return false }
        if found != root.entryCount { miscount(place, found) }
        return true
    }

    /// Where a node hangs.
    private struct Place {
        var page: PageNumber
        var level: Int
        var low: [UInt8]?
        var high: [UInt8]?
        var entryCount: UInt64
        /// The transaction that wrote the node above.
        var parentBirth = TransactionNumber.max
    }

    private func fault(_ kind: TreeFault.Kind, _ place: Place) {
        visitor.fault(
            TreeFault(
                kind: kind, page: place.page, level: place.level, low: place.low,
                high: place.high, entryCount: place.entryCount))
    }

    private func miscount(_ place: Place, _ found: UInt64) {
        fault(.count(noted: place.entryCount, found: found), place)
    }

    /// - Returns: the entries below; nil when not all of it could be looked at.
    private mutating func walk(_ place: Place) -> UInt64? {
        if visitor.isStopped { return nil }
        switch visitor.claim(place.page) {
        case .usedTwice:
            fault(.usedTwice, place)
            return nil
        case .flaw(let flaw):
            fault(.page(flaw), place)
            return nil
        case nil: break
        }
        let buffer = PageBuffer(pageCount: 1)
        if let flaw = source.copyNode(place.page, into: buffer) {
            fault(.page(flaw), place)
            return nil
        }
        let node = Node(buffer.page(0))
        guard node.level == place.level, node.isLeaf == (place.level == 0) else {
            fault(.level(found: node.level), place)
            return nil
        }
        // Writing a node also writes the nodes above it.
        let birth = buffer.page(0).birth
        guard birth <= place.parentBirth else {
            fault(.stale(parent: place.parentBirth, child: birth), place)
            return nil
        }
        let entries = NodeEntries(node)
        if let problem = orderProblem(entries, place) {
            fault(problem, place)
            return nil
        }
        guard place.level > 0 else {
            report.leafPages += 1
            report.leafBytes += node.usedBytes
            let contents = LeafContents(entries, birth: birth)
            report.entryCount &+= UInt64(contents.count)
            visitor.leaf(contents, place.page, low: place.low, high: place.high)
            walkValues(contents, place)
            return UInt64(contents.count)
        }
        report.innerPages += 1
        report.innerBytes += node.usedBytes
        return walkChildren(entries, place, birth: birth)
    }

    private mutating func walkChildren(
        _ entries: borrowing NodeEntries, _ place: Place, birth: TransactionNumber
    ) -> UInt64? {
        var total: UInt64 = 0
        var isWhole = true
        for slot in 0..<entries.count {
            let child = Place(
                page: entries.child(slot), level: place.level - 1,
                low: slot == 0 ? place.low : entries.key(slot).array,
                high: slot + 1 < entries.count ? entries.key(slot + 1).array : place.high,
                entryCount: entries.totalEntryCount(slot..<slot + 1), parentBirth: birth)
            guard let found = walk(child) else {
                isWhole = false
                continue
            }
            // What is wrong below is not told again above.
            if found != child.entryCount { miscount(child, found) }
            total &+= child.entryCount
        }
        entries.extendLifetime()
        return isWhole ? total : nil
    }

    private mutating func walkValues(_ leaf: borrowing LeafContents, _ place: Place) {
        for index in 0..<leaf.count where !visitor.isStopped {
            report.keyBytes += leaf.key(index).count
            switch leaf.value(index) {
            case .inline(let bytes):
                report.valueBytes += bytes.count
            case .overflow(let page, let byteCount):
                let pageCount = TreeLimits.overflowPageCount(byteCount: byteCount)
                let kind: TreeFault.Kind
                switch visitor.claimRun(page, byteCount: byteCount) {
                case .usedTwice: kind = .valueUsedTwice
                case .flaw(let flaw): kind = .value(flaw)
                case nil:
                    guard let flaw = source.runFlaw(page, byteCount: byteCount) else {
                        report.overflowPages += pageCount
                        report.overflowBytes += byteCount
                        report.valueBytes += byteCount
                        continue
                    }
                    kind = .value(flaw)
                }
                visitor.fault(
                    TreeFault(
                        kind: kind, page: page, level: 0, low: place.low, high: place.high,
                        entryCount: 1, key: leaf.key(index).array))
            }
        }
        leaf.extendLifetime()
    }

    private func orderProblem(
        _ entries: borrowing NodeEntries, _ place: Place
    ) -> TreeFault.Kind? {
        let first = entries.isLeaf ? 0 : 1
        guard first < entries.count else { return nil }
        for index in first + 1..<max(entries.count, first + 1)
        where entries.key(index - 1).compare(to: entries.key(index)) >= 0 {
            return .order
        }
        if let low = place.low,
            withByteView(of: low, { entries.key(first).compare(to: $0) }) < 0
        {
            return .belowSeparator
        }
        if let high = place.high,
            withByteView(of: high, { entries.key(entries.count - 1).compare(to: $0) }) >= 0
        {
            return .aboveSeparator
        }
        return nil
    }
}
