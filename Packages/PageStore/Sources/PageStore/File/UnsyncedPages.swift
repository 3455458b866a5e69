import StorageIO
import Synchronization

/// Pages that were written since the last sync, first pages of runs only.
///
/// Writes that the system loses.
///
/// What was written and not synced yet is the system's to lose: it says so when it is asked to sync,
/// and from then on the store is poisoned. But a page may have left the cache by then, and what the
/// file holds in its place is whole, of the right number, and wrong: an earlier page. The loss may even
/// come long before the sync that reports it, when the system writes on its own. So:
///
/// - A page written since the last successful sync is born after the durable checkpoint, because it
///   was shadowed. A page read back in its place that is not, is an earlier one. That is a failed
///   write that nobody has reported yet, and poisons.
/// - Once the store is poisoned, no such page is read any more.
///
/// What is left: a page number that was written twice since the last sync, by transactions after
/// the durable checkpoint, whose second write is lost before the sync that would report it, and whose
/// first one is not. Its content can't be told from the newer one's.
final class UnsyncedPages: Sendable {
    private struct State {
        /// Written since the last sync began.
        var unsynced = PageBitmap()
        /// What the running sync is to make durable.
        var syncing = PageBitmap()
    }

    private let state = Guarded(State())
    /// Whether there is any page in the two.
    private let hasUnsynced = Atomic<Bool>(false)

    /// Notes that a page, or a run by its first page, was written. Before its state lets it be evicted.
    func note(_ page: Int) {
        state.withLock { state in
            state.unsynced.insert(page)
            hasUnsynced.store(true, ordering: .releasing)
        }
    }

    /// Notes that a sync begins, which is to make durable what was written so far.
    func beginSync() {
        state.withLock { state in
            state.syncing.formUnion(state.unsynced)
            state.unsynced.removeAll()
        }
    }

    /// Notes that the sync succeeded.
    func endSync() {
        state.withLock { state in
            state.syncing.removeAll()
            hasUnsynced.store(!state.unsynced.isEmpty, ordering: .releasing)
        }
    }

    /// Whether a page was written, and may still be lost.
    func contains(_ page: Int) -> Bool {
        schedulePoint()
        guard hasUnsynced.load(ordering: .acquiring) else { return false }
        return state.withLock { $0.unsynced.contains(page) || $0.syncing.contains(page) }
    }
}

extension FilePageStore {
    /// Throws when what was just read of a page may be something older than what was written.
    func refuseLost(_ page: Int, birth: TransactionNumber) throws(StorageError) {
        guard unsynced.contains(page) else { return }
        if birth <= bounds.durableTransaction.load(ordering: .acquiring) {
            failure.note(
                StorageError(
                    .inputOutput, "A page that was written reads as it was before.",
                    path: file.path, page: PageNumber(page),
                    offset: UInt64(page) << UInt64(PageLayout.pageShift)))
        }
        guard let cause = poison else { return }
        throw StorageError(
            .poisoned, "The page was lost when a write failed; close and open again.",
            path: file.path, page: PageNumber(page), cause: cause)
    }
}
