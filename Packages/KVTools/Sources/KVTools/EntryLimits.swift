import StorageIO

/// How long keys and values may be, checked before anything is read that can't be stored or any file is
/// made for it.
struct EntryLimits: Sendable {
    /// The longest key or table name in bytes.
    var keyByteCount = 1024
    /// The longest value in bytes.
    var valueByteCount = 1 << 30

    /// The database's own; tests have smaller ones.
    static let database = EntryLimits()

    /// Refuses a key that no database holds.
    func check(key byteCount: Int) throws(StorageError) {
        guard byteCount <= keyByteCount else {
            throw StorageError(
                .keyTooLong,
                "The key has \(byteCount) bytes; at most \(keyByteCount) are allowed.")
        }
    }

    /// Refuses a value that no database holds.
    func check(value byteCount: Int) throws(StorageError) {
        guard byteCount <= valueByteCount else {
            throw StorageError(
                .valueTooLong,
                "The value has \(byteCount) bytes; at most \(valueByteCount) are allowed.")
        }
    }

    /// Refuses a table's name that no database holds.
    func check(table name: String) throws(StorageError) {
        guard name.utf8.count <= keyByteCount else {
            throw StorageError(
                .keyTooLong,
                "The table's name has \(name.utf8.count) bytes; at most \(keyByteCount) are allowed."
            )
        }
    }
}

extension ByteFormat {
    /// The fewest bytes that a text of this format which begins so can stand for.
    ///
    /// - Parameters:
    ///   - count: bytes of the beginning.
    ///   - backslashes: how many of them are backslashes, each of which may begin `\xHH`.
    func leastByteCount(_ count: Int, backslashes: Int) -> Int {
        switch self {
        case .text: count
        case .escaped: count - 3 * backslashes
        case .hex: count / 2
        // The line's end and the padding stand for nothing.
        case .base64: max(0, count - 4) / 4 * 3
        }
    }
}
