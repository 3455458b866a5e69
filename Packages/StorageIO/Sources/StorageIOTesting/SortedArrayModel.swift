import StorageIO

/// The plainest ordered map there is, a sorted array: what the model tests hold the real one to.
///
/// Keys order by unsigned bytes, a shorter key before a longer one that it begins. Lookups are
/// O(log n), changes O(n).
public struct SortedArrayModel: Sendable {
    /// One entry.
    public typealias Entry = (key: [UInt8], value: [UInt8])

    /// All entries in key order.
    public private(set) var entries: [Entry] = []

    /// A map without entries.
    public init() {}

    /// How many entries there are.
    public var count: Int { entries.count }

    /// The order of two keys: negative, zero or positive.
    public static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        unsafe a.withUnsafeBytes { a in
            unsafe b.withUnsafeBytes { b in unsafe ByteView(a).compare(to: ByteView(b)) }
        }
    }

    /// How many keys lie before `key`; where it is or would be.
    public func rank(_ key: [UInt8]) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if Self.compare(entries[middle].key, key) < 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func index(of key: [UInt8]) -> Int? {
        let index = rank(key)
        return index < entries.count && entries[index].key == key ? index : nil
    }

    /// The value of `key`, or nil when it isn't there.
    public func get(_ key: [UInt8]) -> [UInt8]? {
        index(of: key).map { entries[$0].value }
    }

    /// Whether `key` is there.
    public func contains(_ key: [UInt8]) -> Bool { index(of: key) != nil }

    /// The entry with `index` entries before it, or nil.
    public func nth(_ index: Int) -> Entry? {
        entries.indices.contains(index) ? entries[index] : nil
    }

    /// Sets the value of `key`.
    ///
    /// - Returns: whether the key is new.
    @discardableResult
    public mutating func put(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        let index = rank(key)
        if index < entries.count, entries[index].key == key {
            entries[index].value = value
            return false
        }
        entries.insert((key, value), at: index)
        return true
    }

    /// Removes `key`.
    ///
    /// - Returns: whether it was there.
    @discardableResult
    public mutating func delete(_ key: [UInt8]) -> Bool {
        guard let index = index(of: key) else { return false }
        entries.remove(at: index)
        return true
    }

    /// Where the keys from `from` (nil: the first) up to but without `to` (nil: the end) lie.
    public func indices(from: [UInt8]? = nil, to: [UInt8]? = nil) -> Range<Int> {
        let low = from.map(rank) ?? 0
        let high = to.map(rank) ?? entries.count
        return low..<max(low, high)
    }

    /// How many keys lie from `from` up to but without `to`.
    public func count(from: [UInt8]? = nil, to: [UInt8]? = nil) -> Int {
        indices(from: from, to: to).count
    }

    /// The entries from `from` up to but without `to`, last first when `reverse`.
    public func range(
        from: [UInt8]? = nil, to: [UInt8]? = nil, reverse: Bool = false
    ) -> [Entry] {
        let slice = entries[indices(from: from, to: to)]
        return reverse ? slice.reversed() : Array(slice)
    }

    /// The entries whose keys begin with `prefix`.
    public func prefix(_ prefix: [UInt8]) -> [Entry] {
        Array(entries[rank(prefix)...].prefix { $0.key.starts(with: prefix) })
    }

    /// Removes the entries from `from` up to but without `to`.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public mutating func deleteRange(from: [UInt8]? = nil, to: [UInt8]? = nil) -> Int {
        let range = indices(from: from, to: to)
        entries.removeSubrange(range)
        return range.count
    }

    /// Removes everything.
    public mutating func deleteAll() { entries.removeAll() }

    /// Whether both hold the same entries.
    public static func == (a: SortedArrayModel, b: SortedArrayModel) -> Bool {
        a.entries.count == b.entries.count
            && zip(a.entries, b.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}

extension SortedArrayModel: Equatable {}
