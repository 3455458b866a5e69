import StorageIO
import Synchronization

extension FilePageStore {
    /// See ``CheckpointingStorage/checkpoint``.
    public var checkpoint: CheckpointRecord { space.withLock { $0.superblock.record } }

    /// How many checkpoints the store has had, the one that created it included.
    public var generation: UInt64 { space.withLock { $0.superblock.generation } }

    /// See ``StoreInspection/superblockPage``.
    public var superblockPage: PageNumber { space.withLock { PageNumber($0.durableSlot) } }

    /// See ``CheckpointingStorage/beginCheckpoint(_:)``.
    public func beginCheckpoint(_ record: CheckpointRecord) throws(StorageError) {
        try checkWritable()
        guard !options.readOnly else {
            throw StorageError(
                .readOnly, "The database is open for reading only.", path: file.path)
        }
        try space.withLock { space throws(StorageError) in try space.beginCheckpoint(record) }
    }

    /// See ``CheckpointingStorage/finishCheckpoint()``.
    public func finishCheckpoint() throws(StorageError) {
        try checkWritable()
        let (running, slot) = try space.withLock { space throws(StorageError) in
            try space.takeCheckpoint()
        }
        try refuseOrphan()
        do throws(StorageError) {
            try writePages(frozen: true)
            for (index, page) in running.freeListPages.enumerated() {
                let bytes = running.freeListBuffer.page(index)
                try write(bytes.bytes(0, count: PageLayout.pageSize), at: page)
            }
        } catch {
            if error.isOutOfSpace { space.withLock { $0.undoCheckpoint() } }
            throw error
        }
        // R2: all that the superblock will refer to is durable before it is written.
        try sync()
        try writeSuperblock(running.superblock, slot)
        try sync()
        try space.withLock { space throws(StorageError) in try space.adopt(running) }
        evictIfNeeded()
    }

    /// See ``CheckpointingStorage/noteLogInUse()``. The same checkpoint under the next generation: all
    /// that it refers to is durable already (R2).
    public func noteLogInUse() throws(StorageError) {
        try checkWritable()
        let (next, slot) = try space.withLock { space throws(StorageError) in
            try space.superblockWithLog()
        }
        try writeSuperblock(next, slot)
        try sync()
        space.withLock { $0.setDurable(next) }
    }

    /// Makes the superblock that the store was opened by durable, before anything is built on it. What
    /// was read may be the system's alone: written, but not synced before its process was killed, or
    /// lost by a sync that failed. All that it refers to is durable, since it was written (R2); but
    /// after a power cut the one before would come back, whose pages and log must still be there (R1).
    ///
    /// It is written as it was read, so that it stays valid whatever part of that gets to the medium;
    /// a sync alone does nothing for a page that the system takes for clean.
    public func secureSuperblock() throws(StorageError) {
        try checkWritable()
        let slot = space.withLock { $0.durableSlot }
        let offset = UInt64(slot) << UInt64(PageLayout.pageShift)
        let buffer = PageBuffer(pageCount: 1)
        try unsafe readExactly(
            buffer.buffer(byteCount: PageLayout.pageSize), at: slot, of: slot)
        do throws(StorageError) {
            try unsafe file.write(buffer.bytes.buffer, at: offset)
        } catch {
            failure.note(error)
            throw error
        }
        try sync()
    }

    /// A file that has lost its last name takes everything with it when it is closed. The log still
    /// has a name, so nothing may be taken from it for what is written here.
    private func refuseOrphan() throws(StorageError) {
        guard let status = try file.status(), status.linkCount == 0 else { return }
        let error = StorageError(
            .ambiguousName,
            "The database's file was removed or replaced while it was open; what was committed "
                + "since is in the log that is left. Bring the file back, or export what is open.",
            path: file.path)
        failure.note(error)
        throw error
    }

    private func writeSuperblock(_ next: Superblock, _ slot: Int) throws(StorageError) {
        let buffer = PageBuffer(pageCount: 1)
        next.encode(into: buffer.page(0), slot: PageNumber(slot))
        do throws(StorageError) {
            try unsafe file.write(
                buffer.bytes.buffer, at: UInt64(slot) << UInt64(PageLayout.pageShift))
        } catch {
            // A full disk too: part of it may be there, and become durable at any time.
            failure.note(error)
            throw error
        }
    }
}
