import KVDB

extension KeyRange {
    /// The keys that lie in both ranges.
    func intersection(_ other: KeyRange) -> KeyRange {
        var both = self
        if let from = other.from, both.from?.lexicographicallyPrecedes(from) ?? true {
            both.from = from
        }
        if let to = other.to, both.to.map(to.lexicographicallyPrecedes) ?? true { both.to = to }
        return both
    }
}
