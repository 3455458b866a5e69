/// A database that is made before workloads run on it: once for each engine, as it is only read, or
/// copied for those that change it.
public struct Dataset: Hashable, Sendable {
    /// How it is filled.
    public enum Form: String, Sendable {
        /// Hashed keys in random order, 1,000 a transaction, then settled.
        case random
        /// Hashed keys, loaded in the order of the keys.
        case keyOrder
        /// Single puts by a process that then kills itself.
        case crashed
    }

    /// How it is filled.
    public var form: Form
    /// Its entries.
    public var count: Int
    /// Bytes of each value.
    public var valueByteCount: Int

    /// A million entries of 100 bytes in random order, unless told otherwise.
    public init(_ form: Form = .random, count: Int = 1_000_000, valueByteCount: Int = 100) {
        self.form = form
        self.count = count
        self.valueByteCount = valueByteCount
    }

    /// The name of its folder.
    public var name: String { "\(form.rawValue)-\(count)-\(valueByteCount)" }

    /// Entries put by one transaction while it is made.
    static let batchCount = 1000

    /// Fills an open, empty database.
    func fill<Session: BenchmarkSession>(_ session: Session, isRaw: Bool) throws {
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: valueByteCount)
        switch form {
        // The raw engine's sorted array can be made in this order only.
        case _ where isRaw || form == .keyOrder:
            let numbers = Keys.numbersInKeyOrder(count)
            try session.loadSorted(count) { index in
                (keys.key(numbers[index]), values.value(numbers[index]))
            }
        case .crashed:
            for number in 0..<UInt64(count) {
                try session.put(keys.key(number), values.value(number))
            }
        default:
            for start in stride(from: 0, to: count, by: Self.batchCount) {
                try session.putBatch(min(Self.batchCount, count - start)) { index in
                    let number = UInt64(start + index)
                    return (keys.key(number), values.value(number))
                }
            }
        }
    }
}
