import StorageIO
import Synchronization

/// The first failed write or sync of a store: nothing is known about the file's content any more, so nothing
/// may be built on it.
final class Poison: Sendable {
    private let isSet = Atomic<Bool>(false)
    private let first = Guarded<StorageError?>(nil)

    /// The first failure.
    var cause: StorageError? {
        schedulePoint()
        guard isSet.load(ordering: .acquiring) else { return nil }
        return first.withLock { $0 }
    }

    /// Notes a failure.
    func note(_ error: StorageError) {
        first.withLock { first in
            if first == nil { first = error }
            isSet.store(true, ordering: .releasing)
        }
    }
}
