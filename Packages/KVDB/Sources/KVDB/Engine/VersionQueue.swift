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

/// What ``VersionQueue`` guards. (Not inside it: as a private type it would break Swift 6.3's debug builds.)
struct VersionQueueState {
    /// The versions that wait, in order.
    var pending: [PendingVersion] = []
    /// The roots that the ring, a held version or one that waits leads to, each with the first version
    /// that has them, in order. The last ones are the head's.
    var roots: [(first: TransactionNumber, roots: TableRoots)]
    /// When there are more, those that nobody needs any more are looked for.
    var rootLimit = leastRoots
    /// Whether somebody wants to know what commits touch.
    var isObserved = false

    #if KVDB_SCHEDULES
        // So that each publication looks for what nobody needs.
        static var leastRoots: Int { 1 }
    #else
        static var leastRoots: Int { 8 }
    #endif
}

/// The committed versions on their way to readers: those that still wait, in order, the ring of those
/// that are published, and the roots that versions lead to beside their trees.
///
/// Its lock (number 3 in "Locks", `Docs/Architecture.md`) guards the versions that wait and the
/// roots, and serializes publications. Readers take no lock.
struct VersionQueue: ~Copyable {
    private let ring: Publication
    private let registry: VersionRegistry
    private let state: Guarded<VersionQueueState>

    /// Begins with `version` published, whose named tables `roots` has; `registry` is the store's.
    init(_ version: Version, _ roots: TableRoots, registry: VersionRegistry) {
        ring = Publication(version)
        state = Guarded(VersionQueueState(roots: [(version.transaction, roots)]))
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
    var isEmpty: Bool { state.withLock { $0.pending.isEmpty } }

    /// How many versions wait.
    var count: Int { state.withLock { $0.pending.count } }

    /// How many roots are kept.
    var rootCount: Int { state.withLock { $0.roots.count } }

    /// Adds the version that the head has moved to, whose named tables `roots` has. The caller holds the writer
    /// lock. Returns whether somebody wants to know what it touches.
    func append(_ version: PendingVersion, _ roots: TableRoots) -> Bool {
        state.withLock { state in
            state.pending.append(version)
            if state.roots[state.roots.count - 1].roots !== roots {
                state.roots.append((version.version.transaction, roots))
            }
            return state.isObserved
        }
    }

    /// Says whether somebody wants to know what the versions touch that are added from now on.
    ///
    /// - Returns: the newest version that readers may get, and the newest that was added.
    func setObserved(_ isObserved: Bool) -> (newest: TransactionNumber, head: TransactionNumber) {
        state.withLock { state in
            state.isObserved = isObserved
            let newest = ring.transaction
            return (newest, state.pending.last?.version.transaction ?? newest)
        }
    }

    /// Lets readers see every committed version whose wait is over, in order.
    func publishReady<Store: CheckpointedStorage, Log: CommitLog>(_ store: Store, _ log: Log) {
        state.withLock { state in
            let durable = log.durable
            let written = log.written
            let checkpointed = store.checkpoint.transaction
            var ready = 0
            while ready < state.pending.count {
                let next = state.pending[ready]
                let isReady =
                    next.version.transaction <= checkpointed
                    || (!next.needsCheckpoint && next.sync <= durable && next.write <= written)
                guard isReady else { break }
                ready += 1
            }
            guard ready > 0 else { return }
            let version = state.pending[ready - 1].version
            if ready > 1, ring.takesPlaceOfNewest(version.transaction) {
                // Otherwise readers would find no entry, and wait for this thread until it is done.
                ring.publish(state.pending[ready - 2].version)
            }
            state.pending.removeFirst(ready)
            // The publication first: the store frees what only older versions need as soon as it is
            // told, and a reader must not be able to get one of those any more by then.
            ring.publish(version)
            mustWork { () throws(StorageError) in try store.publish(version.transaction) }
            if state.roots.count > state.rootLimit { discardRoots(&state, version.transaction) }
        }
    }

    /// Lets go of the roots that only versions before `published` have that nobody holds. Behind the publication,
    /// as with pages: a reader either has registered, or sees that there is a newer version.
    ///
    /// They are looked for when they have doubled, so that it costs O(1) a commit however many are held.
    private func discardRoots(_ state: inout VersionQueueState, _ published: TransactionNumber) {
        let held = registry.held()
        var kept = 0
        var next = 0
        for index in state.roots.indices {
            let first = state.roots[index].first
            while next < held.count, held[next] < first { next += 1 }
            if index + 1 < state.roots.count {
                let end = state.roots[index + 1].first
                let isHeld = next < held.count && held[next] < end
                guard isHeld || end > published else { continue }
            }
            state.roots[kept] = state.roots[index]
            kept += 1
        }
        state.roots.removeLast(state.roots.count - kept)
        state.rootLimit = max(VersionQueueState.leastRoots, 2 * kept)
    }

    /// Makes the next version out of the published one where its pages lie, if no reader has it. Nothing
    /// waits, since the caller holds the writer lock and has seen that the queue is empty.
    ///
    /// All locks come before or after: readers wait while the version is withdrawn.
    ///
    /// - Parameters:
    ///   - transaction: the published version.
    ///   - oldestBirth: the lowest birth among the pages that change. No held version may reach it.
    ///   - change: makes the change, which can't fail. Gets whether somebody wants to know of it, and returns the new
    ///     version.
    /// - Returns: the new version, which is published; nil, with nothing done, when a reader was faster.
    func replaceNewest(
        _ transaction: TransactionNumber, oldestBirth: TransactionNumber,
        _ change: (_ isObserved: Bool) -> Version
    ) -> Version? {
        state.withLock { state in
            ring.withdraw(transaction)
            guard registry.newest ?? 0 < oldestBirth else {
                ring.putBack(transaction)
                return nil
            }
            let version = change(state.isObserved)
            ring.publish(version)
            return version
        }
    }
}
