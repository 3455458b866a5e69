import StorageIO
import Synchronization

extension WriteAheadLog {
    /// Returns when everything before `position` has been handed to the operating system. See
    /// ``CommitLog/write(through:)``.
    public func write(through position: LogSequenceNumber) throws(StorageError) {
        if written >= position { return }
        lock.acquire()
        defer { lock.release() }
        try refuseIfClosed()
        let target = min(position, end)
        while written < target {
            try refuseIfUnusable()
            if isWriting { waitForProgress() } else { writeBuffered() }
        }
    }

    /// Returns when everything before `position` is durable; one thread writes and syncs for all
    /// that wait. See ``CommitLog/sync(through:)``.
    public func sync(through position: LogSequenceNumber) throws(StorageError) {
        if durable >= position { return }
        lock.acquire()
        defer { lock.release() }
        try refuseIfClosed()
        let target = min(position, end)
        while durable < target {
            try refuseIfUnusable()
            if isSyncing { waitForProgress() } else { writeAndSync() }
        }
    }

    /// Waits for a write or a sync to end. Under `lock`.
    func waitForProgress() {
        waiterCount += 1
        progress.wait(lock)
        waiterCount -= 1
    }

    /// Wakes everyone who waits. Under `lock`.
    func announceProgress() {
        if waiterCount > 0 { progress.broadcast() }
    }

    /// The leader's part: writes all that is buffered and syncs it. Under `lock`, which is given
    /// back during the calls; the other buffer takes appends meanwhile.
    func writeAndSync() {
        isSyncing = true
        while isWriting { waitForProgress() }
        let records = recordCount
        writeBuffered()
        if firstFailure == nil, let file {
            let reached = written
            lock.release()
            var failure: StorageError?
            let start = options.timesSyncs ? System.now : nil
            var taken: UInt64?
            do throws(StorageError) {
                try file.sync()
                taken = start.map { System.now &- $0 }
                // After it: what is durable now is durable under this name.
                try refuseIfNameless(file)
            } catch {
                failure = error
            }
            lock.acquire()
            if let failure {
                fail(failure)
            } else {
                schedulePoint()
                durablePosition.store(reached, ordering: .releasing)
                syncTimesSoFar.add(
                    SyncTimes.Sync(
                        nanoseconds: taken, recordCount: records - syncedRecordCount))
                syncedRecordCount = records
            }
        }
        isSyncing = false
        announceProgress()
    }

    /// Writes all that is buffered, one call for each contiguous part. Under `lock`, which is given
    /// back during the calls.
    private func writeBuffered() {
        guard !runs.isEmpty, firstFailure == nil, let file else { return }
        isWriting = true
        let batch = buffer
        let batchRuns = runs
        let batchEnd = end
        buffer = spareBuffer
        runs = []
        lock.release()
        var failure: StorageError?
        do throws(StorageError) {
            var offset = 0
            for run in batchRuns {
                try batch.write(
                    from: offset, count: run.byteCount, to: file, at: run.fileOffset)
                offset += run.byteCount
            }
        } catch {
            failure = error
        }
        lock.acquire()
        batch.removeAll(retaining: options.bufferByteLimit)
        spareBuffer = batch
        isWriting = false
        if let failure {
            fail(failure)
        } else {
            schedulePoint()
            writtenPosition.store(batchEnd, ordering: .releasing)
        }
        announceProgress()
    }

    /// Throws when the log's name does not lead to its file any more, where the options ask for that.
    func refuseIfNameless(_ file: Files.Handle) throws(StorageError) {
        guard options.checksName, try !files.isInPlace(file, at: path) else { return }
        throw StorageError(
            .ambiguousName,
            "The log was removed, renamed or replaced while it was open; what is written now would "
                + "not be found again. Bring it back and reopen.", path: path)
    }

    /// Ends all writing for good (L5). What a failed write or sync left on disk is unknown, and a
    /// later sync that succeeds would not make it known.
    func fail(_ failure: StorageError) {
        if firstFailure == nil { firstFailure = failure }
        hasFailed.store(true, ordering: .releasing)
    }
}
