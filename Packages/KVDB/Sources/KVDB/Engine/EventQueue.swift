import StorageIO
import Synchronization
import WAL

/// What happened and is not told yet. Whoever does the work adds to it, also under locks; the app is told by a
/// thread that holds none, one event at a time and in order.
///
/// Its lock is the last of all: nothing is taken under it, and no closure of the app's is called.
final class EventQueue: Sendable {
    private struct State {
        var waiting: [Database.Event] = []
        /// Whether a thread is calling the handler, which gets what comes meanwhile too.
        var isDelivering = false
        var hasToldFailure = false
        /// How many syncs of the log are told.
        var toldSyncs = 0
        /// Pages of the checkpoint that runs, and when it began.
        var checkpoint: (pages: Int, start: UInt64) = (0, 0)
    }

    private let handler: @Sendable (Database.Event) -> Void
    private let state = Guarded(State())

    init(_ handler: @escaping @Sendable (Database.Event) -> Void) { self.handler = handler }

    func add(_ event: Database.Event) {
        state.withLock { $0.waiting.append(event) }
    }

    /// Notes that a checkpoint of so many pages begins.
    func beginCheckpoint(pages: Int) {
        state.withLock { $0.checkpoint = (pages, System.now) }
    }

    /// Adds the checkpoint that was begun last.
    func endCheckpoint() {
        state.withLock {
            let duration = System.now &- $0.checkpoint.start
            $0.waiting.append(
                .checkpoint(
                    pages: $0.checkpoint.pages,
                    duration: .nanoseconds(Int64(clamping: duration))))
        }
    }

    /// Adds the syncs of the log that are not told yet.
    func add(_ times: SyncTimes) {
        state.withLock { state in
            for sync in times.latest(times.count - state.toldSyncs) {
                state.waiting.append(
                    .sync(
                        duration: .nanoseconds(Int64(clamping: sync.nanoseconds ?? 0)),
                        commits: sync.recordCount))
            }
            state.toldSyncs = max(state.toldSyncs, times.count)
        }
    }

    /// Adds a failure, the first time.
    func addFailure(_ error: StorageError) {
        state.withLock { state in
            guard !state.hasToldFailure else { return }
            state.hasToldFailure = true
            state.waiting.append(.failed(error))
        }
    }

    /// Tells what waits. The caller holds no lock. When a thread is doing so already, or this one from inside the
    /// handler, it is left to that.
    func deliver() {
        while true {
            let batch = state.withLock { state -> [Database.Event] in
                guard !state.isDelivering, !state.waiting.isEmpty else { return [] }
                state.isDelivering = true
                defer { state.waiting = [] }
                return state.waiting
            }
            guard !batch.isEmpty else { return }
            for event in batch { handler(event) }
            state.withLock { $0.isDelivering = false }
        }
    }
}

extension Engine {
    /// Tells the app what happened, and those who observe what readers can see now; nothing where nobody wants to know.
    /// The caller holds no lock.
    func deliverEvents() {
        deliverChanges()
        guard let events else { return }
        events.add(log.syncTimes)
        if let poison { events.addFailure(poison) }
        events.deliver()
    }

    /// Notes how long a write waited for the writer lock since `start`, and behind whom.
    func noteWait(since start: UInt64, behind holder: WriterUse?) {
        guard let events else { return }
        let waited = Duration.nanoseconds(Int64(clamping: System.now &- start))
        guard let holder, waited >= options.slowWriterThreshold else { return }
        let place = holder.place.map { "\($0.file):\($0.line)" }
        events.add(.slowWriter(waited: waited, behind: place))
    }
}
