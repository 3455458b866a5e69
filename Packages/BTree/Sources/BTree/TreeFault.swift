import PageStore
import StorageIO

/// One thing that is wrong in a tree, as ``TreeSurvey`` finds it.
public struct TreeFault: Sendable {
    /// What is wrong.
    public enum Kind: Sendable {
        /// The page itself, or the reference to it.
        case page(PageFlaw)
        /// The node is not at the level where it is referred to (T2).
        case level(found: Int)
        /// The node is younger than the one that leads to it, which therefore is not the newest: a later
        /// one was lost.
        case stale(parent: TransactionNumber, child: TransactionNumber)
        /// The keys of the node don't ascend (T1).
        case order
        /// The node begins below the separator that leads to it (T1).
        case belowSeparator
        /// The node ends at or above the separator after it (T1).
        case aboveSeparator
        /// A node or the root counts other entries below a child than there are (T3).
        case count(noted: UInt64, found: UInt64)
        /// The page is in use elsewhere too (T4).
        case usedTwice
        /// The overflow run that holds a value.
        case value(PageFlaw)
        /// Another value or another part of a tree uses the run too.
        case valueUsedTwice
        /// Root, height and count can't belong together.
        case root
    }

    /// What is wrong.
    public var kind: Kind
    /// The page; of a count the child's.
    public var page: PageNumber
    /// Its level above the leaves; 0 for values.
    public var level: Int
    /// No key below the page is under this one; nil for no bound.
    public var low: [UInt8]?
    /// Every key below the page is under this one; nil for no bound.
    public var high: [UInt8]?
    /// How many entries its parent, or the root, counts below it.
    public var entryCount: UInt64
    /// The key of the value that is concerned.
    public var key: [UInt8]?

    /// A fault with these parts.
    public init(
        kind: Kind, page: PageNumber, level: Int, low: [UInt8]? = nil, high: [UInt8]? = nil,
        entryCount: UInt64, key: [UInt8]? = nil
    ) {
        self.kind = kind
        self.page = page
        self.level = level
        self.low = low
        self.high = high
        self.entryCount = entryCount
        self.key = key
    }

    /// The system's error when it could not read the page; the page itself may be sound then.
    public var systemError: StorageError? {
        switch kind {
        case .page(.unreadable(let error)), .value(.unreadable(let error)): error
        default: nil
        }
    }

    /// Whether what led to the page is an old version, so that another page may have its place.
    public var isStale: Bool {
        if case .stale = kind { true } else { false }
    }

    /// Whether what lies below the page could not be looked at.
    public var losesSubtree: Bool {
        switch kind {
        case .count, .value, .valueUsedTwice: false
        default: true
        }
    }

    /// What is wrong, as a sentence.
    public var message: String {
        switch kind {
        case .page(let flaw): flaw.message
        case .level: "A node is at another level than what leads to it says."
        case .stale: "A node is older than what it leads to; a later one was lost."
        case .order: "The keys of a node don't ascend."
        case .belowSeparator: "A node begins below the separator that leads to it."
        case .aboveSeparator: "A node ends above the separator after it."
        case .count: "A node counts other entries below a child than there are."
        case .usedTwice: "The page is used twice."
        case .value(let flaw): "A value in an overflow run is damaged: \(flaw.message)"
        case .valueUsedTwice: "The overflow run of a value is used twice."
        case .root: "The root of a tree has a page, height or count that can't be."
        }
    }

    /// What should be there.
    public var expected: String {
        switch kind {
        case .page(let flaw), .value(let flaw): flaw.expected(of: page)
        case .level: "level \(level)"
        case .stale(let parent, _): "transaction \(parent) or older, as above it"
        case .order: "ascending keys"
        case .belowSeparator: "keys from the separator on"
        case .aboveSeparator: "keys below the next separator"
        case .count(let noted, _): "\(noted) entries"
        case .usedTwice, .valueUsedTwice: "one use"
        case .root: "nothing at all, or a page and 1 to \(TreeLimits.maximumHeight) levels"
        }
    }

    /// What is there.
    public var found: String {
        switch kind {
        case .page(let flaw), .value(let flaw): flaw.found(of: page)
        case .level(let found): "level \(found)"
        case .stale(_, let child): "transaction \(child)"
        case .order: "a key that is not above the one before it"
        case .belowSeparator: "a lower key"
        case .aboveSeparator: "a higher key"
        case .count(_, let found): "\(found) entries"
        case .usedTwice, .valueUsedTwice: "a second one"
        case .root: "page \(page), \(level + 1) levels, \(entryCount) entries"
        }
    }
}
