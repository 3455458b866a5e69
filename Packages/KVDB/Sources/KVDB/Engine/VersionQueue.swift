import PageStore
import StorageIO
import WAL

/// A committed version that readers may not see yet (R3), and what it waits for. (Not inside a generic
/// type: a look into an array of it would then ask the runtime for its metadata each time.)
struct PendingVersion {
    var version: Version
    /// The log must be durable up to here.
    var sync: LogSequenceNumber
    /// The operating system must have the log up to here.
    var write: LogSequenceNumber
    /// The version is not in the log: only a durable checkpoint brings it out.
    var needsCheckpoint: Bool
}

/// The committed versions on their way to readers: those that still wait, in order, and the ring of those
/// that are published.
///
/// Its lock (number 3 in "Locks", `Docs/Architecture.md`) guards the versions that wait, and serializes
/// publications. Readers take no lock.
struct VersionQueue: ~Copyable {
    private let ring: Publication
    private let registry: VersionRegistry
    private let pending = Guarded<[PendingVersion]>([])

    /// Begins with `version` published; `registry` is the store's.
    init(_ version: Version, registry: VersionRegistry) {
        ring = Publication(version)
        self.registry = registry
    }

    // MARK: Readers

    /// The newest version that readers may get.
    var newest: TransactionNumber { ring.transaction }

    /// Registers the newest published version. Returns its slot and what it reads.
    func acquire() -> (slot: Int, version: Version) {
        var transaction = ring.transaction
        let slot = registry.register(transaction)
        while true {
            // Registered first, looked again after: when nothing newer was published in between,
            // whoever reclaims pages from now on sees the registration.
            let newest = ring.transaction
            if newest == transaction, let version = ring.read(transaction) {
                return (slot, version)
            }
            transaction = newest
            registry.update(slot, transaction)
        }
    }

    /// Gives a slot of ``acquire()`` back.
    func release(_ slot: Int) { registry.release(slot) }

    // MARK: Commits

    /// Whether no version waits.
    var isEmpty: Bool { pending.withLock { $0.isEmpty } }

    /// How many versions wait.
    var count: Int { pending.withLock { $0.count } }

    /// Adds the version that the head has moved to. The caller holds the writer lock.
    func append(_ version: PendingVersion) {
        pending.withLock { $0.append(version) }
    }

    /// Lets readers see every committed version whose wait is over, in order.
    func publishReady<Store: CheckpointedStorage, Log: CommitLog>(_ store: Store, _ log: Log) {
        pending.withLock { pending in
            let durable = log.durable
            let written = log.written
            let checkpointed = store.checkpoint.transaction
            var ready = 0
            while ready < pending.count {
                let next = pending[ready]
                let isReady =
                    next.version.transaction <= checkpointed
                    || (!next.needsCheckpoint && next.sync <= durable && next.write <= written)
                guard isReady else { break }
                ready += 1
            }
            guard ready > 0 else { return }
            let version = pending[ready - 1].version
            if ready > 1, ring.takesPlaceOfNewest(version.transaction) {
                // Otherwise readers would find no entry, and wait for this thread until it is done.
                ring.publish(pending[ready - 2].version)
            }
            pending.removeFirst(ready)
            // The publication first: the store frees what only older versions need as soon as it is
            // told, and a reader must not be able to get one of those any more by then.
            ring.publish(version)
            mustWork { () throws(StorageError) in try store.publish(version.transaction) }
        }
    }

    /// Makes the next version out of the published one where its pages lie, if no reader has it. Nothing
    /// waits, since the caller holds the writer lock and has seen that the queue is empty.
    ///
    /// All locks come before or after: readers wait while the version is withdrawn.
    ///
    /// - Parameters:
    ///   - transaction: the published version.
    ///   - oldestBirth: the lowest birth among the pages that change. No held version may reach it.
    ///   - change: makes the change, which can't fail. Returns the new version.
    /// - Returns: the new version, which is published; nil, with nothing done, when a reader was faster.
    func replaceNewest(
        _ transaction: TransactionNumber, oldestBirth: TransactionNumber, _ change: () -> Version
    ) -> Version? {
        pending.withLock { _ in
            ring.withdraw(transaction)
            guard registry.newest ?? 0 < oldestBirth else {
                ring.putBack(transaction)
                return nil
            }
            let version = change()
            ring.publish(version)
            return version
        }
    }
}
