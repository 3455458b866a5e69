import PageStore
import StorageIO

/// When versions were the newest, as noted now and then: enough to tell for how long a snapshot has been out of date.
///
/// Its lock is one of the last: nothing is taken under it.
struct VersionTimes: ~Copyable {
    private typealias Note = (transaction: TransactionNumber, time: UInt64)

    private static var limit: Int { 128 }
    private let notes = Guarded<[Note]>([])

    /// Notes which version is the newest now.
    func note(_ transaction: TransactionNumber) {
        let now = System.now
        notes.withLock { notes in
            guard notes.last.map({ $0.transaction < transaction }) ?? true else { return }
            // The older, the coarser.
            if notes.count == Self.limit {
                notes = notes.indices.filter { $0 % 2 == 0 }.map { notes[$0] }
            }
            notes.append((transaction, now))
        }
    }

    /// Returns since when, in nanoseconds of `System.now`, there has been a newer version, as far as that was noted: it may
    /// have been longer.
    func end(of transaction: TransactionNumber) -> UInt64? {
        notes.withLock { notes in notes.first { $0.transaction > transaction }?.time }
    }
}
