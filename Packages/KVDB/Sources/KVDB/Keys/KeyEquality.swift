import StorageIO

// Keys made of keys compare as a table does: by their bytes. So they are equal when they are the
// same key, whatever `==` of a part says (a NaN is itself, two normal forms of a string are two
// keys), and have a total order even if a part, such as `Bool`, has none in Swift.

extension OrderedKey {
    /// How a table orders this key and another: negative, zero or positive.
    @inlinable
    func tableOrder(with other: Self) -> Int {
        withKeyBytes { own in
            unsafe own.withUnsafeBytes { own in
                let own = unsafe ByteView(own)
                return other.withKeyBytes { others in
                    unsafe others.withUnsafeBytes { own.compare(to: unsafe ByteView($0)) }
                }
            }
        }
    }

    @inlinable
    func hashBytes(into hasher: inout Hasher) {
        withKeyBytes { bytes in
            unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
    }
}

extension Keys: Comparable, Hashable {
    /// Whether both are the same key of a table.
    @inlinable
    public static func == (left: Keys, right: Keys) -> Bool { left.tableOrder(with: right) == 0 }

    /// Whether a table has `left` before `right`.
    @inlinable
    public static func < (left: Keys, right: Keys) -> Bool { left.tableOrder(with: right) < 0 }

    /// Hashes the bytes of the key.
    @inlinable
    public func hash(into hasher: inout Hasher) { hashBytes(into: &hasher) }
}

extension Descending: Comparable, Hashable {
    /// Whether both are the same key of a table.
    @inlinable
    public static func == (left: Descending, right: Descending) -> Bool {
        left.tableOrder(with: right) == 0
    }

    /// Whether a table has `left` before `right`: whether the key of `left` is the larger one.
    @inlinable
    public static func < (left: Descending, right: Descending) -> Bool {
        left.tableOrder(with: right) < 0
    }

    /// Hashes the bytes of the key.
    @inlinable
    public func hash(into hasher: inout Hasher) { hashBytes(into: &hasher) }
}
