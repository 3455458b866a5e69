import KVDB

/// What is known about a cached value: when it ends, when it was used last, and how large it is.
struct Entry: StoredValue {
    var end: UInt64
    var use: UInt64
    var size: Int

    static var schemaName: String { "cache entry" }

    func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        // The bytes of a key of three parts are as good for a value.
        try Keys(end, use, size).withKeyBytes(body)
    }

    init(storedBytes: RawSpan) throws(StorageError) {
        (end, use, size) = try Keys<UInt64, UInt64, Int>(keyBytes: storedBytes).parts
    }

    init(end: UInt64, use: UInt64, size: Int) {
        (self.end, self.use, self.size) = (end, use, size)
    }
}

extension Table where Key == String, Value == [UInt8] {
    static var values: Self { Self("values") }
}

extension Table where Key == String, Value == Entry {
    static var entries: Self { Self("entries") }
}

extension Table where Key == Keys<UInt64, String>, Value == NoValue {
    /// The keys by the time at which their values end.
    static var ends: Self { Self("ends") }
    /// The keys by their last use.
    static var uses: Self { Self("uses") }
}

extension Table where Key == String, Value == Int {
    /// The size of all values, under `size`.
    static var totals: Self { Self("totals") }
}

/// Values that are kept for a time and up to a size, the ones used last for longest. It may lose the newest ones in a
/// crash, but never its accounts: what belongs together changes in one transaction.
struct Cache: Sendable {
    let database: Database
    /// The most bytes of values, with their keys.
    let sizeLimit: Int

    /// Keeps a value until the time `end`, in a unit of your own.
    func put(_ value: [UInt8], for key: String, until end: UInt64) throws {
        try database.write(durability: .buffered) { transaction in
            try remove(key, in: transaction)
            let size = key.utf8.count + value.count
            guard size <= sizeLimit else { return }
            let entry = Entry(end: end, use: try nextUse(in: transaction), size: size)
            try transaction[.values].put(value, for: key)
            try transaction[.entries].put(entry, for: key)
            try transaction[.ends].put(NoValue(), for: Keys(end, key))
            try transaction[.uses].put(NoValue(), for: Keys(entry.use, key))
            try transaction[.totals].update("size") { $0 = ($0 ?? 0) + size }
            while try transaction[.totals].get("size") ?? 0 > sizeLimit,
                let (use, _) = try transaction[.uses].first()
            {
                try remove(use.parts.1, in: transaction)
            }
        }
    }

    /// Returns the value of a key; nil if there is none, and from its end on.
    func get(_ key: String, at now: UInt64) throws -> [UInt8]? {
        let snapshot = try database.snapshot()
        guard let entry = try snapshot[.entries].get(key), entry.end > now,
            let value = try snapshot[.values].get(key)
        else { return nil }
        try database.write(durability: .buffered) { transaction in
            // Unless it has gone, or was used, meanwhile.
            guard try transaction[.uses].delete(Keys(entry.use, key)) else { return }
            let use = try nextUse(in: transaction)
            try transaction[.uses].put(NoValue(), for: Keys(use, key))
            try transaction[.entries].update(key) { $0?.use = use }
        }
        return value
    }

    /// Removes what has ended. Returns how many values that were.
    func sweep(at now: UInt64) throws -> Int {
        try database.write(durability: .buffered) { transaction in
            let ended = try transaction[.ends].keys(in: .prefix(in: ...now))
            for key in ended { try remove(key.parts.1, in: transaction) }
            return ended.count
        }
    }

    private func remove(
        _ key: String, in transaction: borrowing Database.Transaction
    ) throws {
        guard let entry = try transaction[.entries].take(key) else { return }
        try transaction[.values].delete(key)
        try transaction[.ends].delete(Keys(entry.end, key))
        try transaction[.uses].delete(Keys(entry.use, key))
        try transaction[.totals].update("size") { $0 = ($0 ?? 0) - entry.size }
    }

    /// A number beyond that of every use before.
    private func nextUse(in transaction: borrowing Database.Transaction) throws -> UInt64 {
        (try transaction[.uses].last()?.key.parts.0 ?? 0) + 1
    }
}
