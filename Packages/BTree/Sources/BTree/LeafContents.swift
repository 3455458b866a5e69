import PageStore
import StorageIO

/// The entries of a leaf, copied out of its page: for who reads pages without a tree around them.
/// The views it lends are valid as long as it is.
public struct LeafContents: ~Copyable {
    private let entries: NodeEntries
    /// The transaction that wrote the leaf.
    public let birth: TransactionNumber

    init(_ entries: consuming NodeEntries, birth: TransactionNumber) {
        self.entries = entries
        self.birth = birth
    }

    /// The entries of `page`; nil when it is no leaf, breaks its format, or has keys that don't
    /// ascend. The page's checksum and number are for the caller to check.
    public init?(_ page: PageBytes) {
        guard page.rawKind == PageKind.leaf.rawValue, NodeCheck.problem(in: page) == nil else {
            return nil
        }
        let entries = NodeEntries(Node(page))
        for index in 1..<max(entries.count, 1)
        where entries.key(index - 1).compare(to: entries.key(index)) >= 0 {
            return nil
        }
        self.init(entries, birth: page.birth)
    }

    /// How many entries there are, at least one.
    public var count: Int { entries.count }

    /// The key of an entry.
    public func key(_ index: Int) -> ByteView { entries.key(index) }

    /// The value of an entry, or where it is.
    public func value(_ index: Int) -> LeafValue { entries.value(index) }

    /// Keeps the bytes that views were handed out of alive up to here.
    public func extendLifetime() { entries.extendLifetime() }
}

/// A reference from an inner node to a child.
public struct ChildReference: Sendable {
    /// The child's page.
    public var page: PageNumber
    /// The separator that leads to it; nil for the first child.
    public var low: [UInt8]?
    /// How many entries the node counts below it.
    public var entryCount: UInt64
}

extension ChildReference {
    /// The children of an inner node; nil when `page` is none, breaks its format, or has separators
    /// that don't ascend. The page's checksum and number are for the caller to check.
    public static func all(of page: PageBytes) -> [ChildReference]? {
        guard page.rawKind == PageKind.inner.rawValue, NodeCheck.problem(in: page) == nil else {
            return nil
        }
        let entries = NodeEntries(Node(page))
        var children: [ChildReference] = []
        for index in 0..<entries.count {
            if index > 1, entries.key(index - 1).compare(to: entries.key(index)) >= 0 {
                return nil
            }
            children.append(
                ChildReference(
                    page: entries.child(index), low: index == 0 ? nil : entries.key(index).array,
                    entryCount: entries.totalEntryCount(index..<index + 1)))
        }
        entries.extendLifetime()
        return children
    }
}
