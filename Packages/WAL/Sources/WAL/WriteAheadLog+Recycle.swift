import StorageIO
import Synchronization

extension WriteAheadLog {
    /// Allows segments before `position` to be reused. See ``CommitLog/recycle(before:)``. From then on
    /// the log can be opened and read from `position`, and from 0 no more.
    public func recycle(before position: LogSequenceNumber) throws(StorageError) {
        try lock.withLock { () throws(StorageError) in
            if isReadOnly { throw readOnly() }
            try refuseIfClosed()
            // A segment goes only when a replay from `position` starts in the next one or later,
            // and that one is on disk: something behind its header is durable. So whatever the
            // caller says, nothing goes that is not durable (L3), and some segment always says
            // where the log is.
            while chain.count > 1, chain[1].previousEnd <= position, chain[1].previousEnd < durable
            {
                insertSpare(chain.removeFirst().slot)
            }
            trim()
        }
    }

    private func insertSpare(_ slot: Int) {
        let index = spareSlots.firstIndex { $0 > slot } ?? spareSlots.count
        spareSlots.insert(slot, at: index)
    }

    /// Gives spare slots at the end of the file back to the file system, beyond those to be kept
    /// and those promised. That it fails costs space, nothing else.
    private func trim() {
        let kept = max(options.retainedSegments, promisedSlots, 1)
        var newCount = slotCount
        while spareSlots.count > kept, spareSlots.last == newCount - 1 {
            spareSlots.removeLast()
            newCount -= 1
        }
        guard newCount < slotCount, let file else { return }
        let size = UInt64(newCount) * UInt64(segmentSize)
        do throws(StorageError) {
            try file.truncate(to: size)
            slotCount = newCount
            fileByteCount.store(size, ordering: .releasing)
        } catch {
            spareSlots.append(contentsOf: newCount..<slotCount)
        }
    }

    /// Closes the file and nothing else. See ``CommitLog/abandon()``. Takes no lock: the thread that
    /// held it at the fork is not there.
    public func abandon() { file?.close() }

    /// Syncs what is buffered and closes. See ``CommitLog/close(removing:)``. A log that is kept must
    /// still have its name (``LogOptions/checksName``): else it throws `ambiguousName`.
    public func close(removing: Bool) throws(StorageError) {
        guard lock.withLock({ !isClosed }) else { return }
        var failure: StorageError?
        if !isReadOnly {
            do throws(StorageError) {
                try sync(through: .max)
                if !removing, let file = lock.withLock({ file }) { try refuseIfNameless(file) }
            } catch {
                // Another thread was faster, and is told what there is to tell.
                if error.code != .closed { failure = error }
            }
        }
        lock.acquire()
        let isFirst = !isClosed
        isClosed = true
        // Those still in a call get to its end; those that wait find the log closed.
        announceProgress()
        while isWriting || isSyncing { waitForProgress() }
        lock.release()
        guard isFirst else { return }
        defer { file?.close() }
        if let failure { throw failure }
        if removing, !isReadOnly, let file {
            // The name may have been given to another file, and that is not this log's to remove.
            guard try files.isInPlace(file, at: path) else { return }
            try files.remove(path)
            try files.syncDirectory(of: path)
        }
    }
}
