import PageStore
import StorageIO
import Synchronization
import WAL

/// The requests to the database's background thread, and its life.
final class Maintenance: @unchecked Sendable {
    // Sendable: `lock` guards `wantsCheckpoint`, `isStopped` and `thread`; `wantsSync` is an atomic.
    private let lock = Lock()
    private let wakeUp = Condition()
    private var wantsCheckpoint = false
    private var isStopped = false
    private var thread: SystemThread?
    /// Whether unsynced commits wait for the next interval. An atomic, so that a commit that finds
    /// it set already costs no lock and no system call.
    private let wantsSync = Atomic(false)

    /// Starts the thread. `sync` and `checkpoint` do the work; they handle their own errors.
    func start(
        syncInterval: Duration, sync: @escaping @Sendable () -> Void,
        checkpoint: @escaping @Sendable () -> Void
    ) throws(StorageError) {
        let interval = syncInterval.wholeNanoseconds
        lock.acquire()
        defer { lock.release() }
        thread = try SystemThread { [self] in
            run(interval: interval, sync: sync, checkpoint: checkpoint)
        }
    }

    private func run(interval: UInt64, sync: () -> Void, checkpoint: () -> Void) {
        lock.acquire()
        while !isStopped {
            if wantsCheckpoint {
                wantsCheckpoint = false
                lock.release()
                checkpoint()
                lock.acquire()
            } else if wantsSync.load(ordering: .acquiring) {
                // Let commits gather for one interval; a checkpoint request may cut it short.
                let isWoken = wakeUp.wait(lock, nanoseconds: interval)
                if isWoken && (isStopped || wantsCheckpoint) { continue }
                schedulePoint()
                wantsSync.store(false, ordering: .releasing)
                lock.release()
                sync()
                lock.acquire()
            } else {
                wakeUp.wait(lock)
            }
        }
        lock.release()
    }

    /// Asks for a checkpoint soon.
    func requestCheckpoint() {
        lock.withLock {
            guard !wantsCheckpoint else { return }
            wantsCheckpoint = true
            wakeUp.signal()
        }
    }

    /// Asks for a sync of the log within the interval.
    func requestSync() {
        schedulePoint()
        guard !wantsSync.load(ordering: .relaxed) else { return }
        lock.withLock {
            wantsSync.store(true, ordering: .releasing)
            wakeUp.signal()
        }
    }

    /// Ends the thread and waits for it. Calls after the first do nothing.
    func stop() {
        let running: SystemThread? = lock.withLock {
            isStopped = true
            wakeUp.broadcast()
            defer { thread = nil }
            return thread
        }
        running?.join()
    }
}

extension Engine {
    /// Starts the background thread where the options ask for one: with the first commit, which is the
    /// first that has work for it. The caller holds the writer lock.
    func startMaintenance() throws(StorageError) {
        guard !writer.isMaintained, options.checkpointPolicy == .automatic else { return }
        try maintenance.start(
            syncInterval: options.syncInterval,
            sync: { [self] in
                // A failure poisons the log, and the next commit reports it. Through whatever the end
                // is under the log's lock, so that a commit that found this sync asked for already
                // is in it.
                do throws(StorageError) { try log.sync(through: .max) } catch {}
                publishReady()
                versionTimes.note(versions.newest)
                deliverEvents()
            },
            checkpoint: { [self] in
                if isCheckpointDue { tryCheckpoint() }
            })
        writer.isMaintained = true
    }
}
