import PageStore
import StorageIO
import Synchronization
import WAL

extension EngineCore {
    /// Makes every commit so far durable.
    func sync() throws(StorageError) {
        try requireWritable()
        if logsCommits {
            try log.sync(through: log.end)
            publishReady()
        } else {
            try runCheckpoint()
        }
    }

    /// Starts the background thread where the options ask for one: with the first commit, which is the
    /// first that has work for it. The caller holds the writer lock.
    func startMaintenance() throws(StorageError) {
        guard !isMaintained, options.checkpointPolicy == .automatic else { return }
        try maintenance.start(
            syncInterval: options.syncInterval,
            sync: { [self] in
                // A failure poisons the log, and the next commit reports it. Through whatever the end
                // is under the log's lock, so that a commit that found this sync asked for already
                // is in it.
                do throws(StorageError) { try log.sync(through: .max) } catch {}
                publishReady()
            },
            checkpoint: { [self] in
                // A full disk leaves things as they are until the next request; any other failure
                // poisons the store, and the next commit reports it.
                do throws(StorageError) { if isCheckpointDue { try runCheckpoint() } } catch {}
            })
        isMaintained = true
    }

    /// Closes in order; see `DatabaseEngine.close()`.
    func close() throws(StorageError) {
        schedulePoint()
        guard !isClosed.load(ordering: .acquiring) else { return }
        guard !isForked else { return letGo() }
        var problem: StorageError?
        if options.isReadOnly {
            // Nothing to write.
        } else if let poison {
            problem = poison
        } else {
            // Long enough for a transaction that is just ending, or the start of a checkpoint.
            guard case .taken = writerLock.acquire(.call, nanoseconds: 5_000_000_000) else {
                throw StorageError(
                    .busy, "A write transaction is still open; commit or abort it first.",
                    path: path)
            }
            // No commit may come between the last checkpoint and the removal of the log.
            let isFirst = !isClosing.exchange(true, ordering: .acquiringAndReleasing)
            writerLock.release()
            guard isFirst else { return }
            maintenance.stop()
            do { try runCheckpoint(endsLog: true) } catch { problem = error }
        }
        maintenance.stop()
        schedulePoint()
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        do {
            // The log goes only when the data file has everything.
            try log.close(removing: problem == nil && !options.isReadOnly)
        } catch {
            if problem == nil { problem = error }
        }
        store.close()
        if let problem { throw problem }
    }

    /// In a child made by `fork`: closes the descriptors and does nothing else. The lock stays the
    /// parent's, since it belongs to the open file that both share.
    private func letGo() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        log.abandon()
        store.close()
    }

    /// Closes when the last handle goes. What can't be written stays in the log for the next open.
    func closeQuietly() {
        do {
            try close()
        } catch {
            maintenance.stop()
            schedulePoint()
            if !isClosed.exchange(true, ordering: .acquiringAndReleasing) {
                do { try log.close(removing: false) } catch {}
                store.close()
            }
        }
    }
}
