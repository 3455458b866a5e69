import CStorageIO

/// The locks that this process holds on files, by device and inode, so that two handles on one
/// file are kept apart whatever paths they were opened by.
final class FileLockRegistry: @unchecked Sendable {
    // Sendable: `entries` is only touched under `lock`.
    static let shared = FileLockRegistry()

    /// What makes two open files the same.
    struct Identity: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    private struct Entry {
        var identity: Identity
        var table = FileLockTable()
    }

    private let lock = Lock()
    /// Which process the entries are of. Guarded by `lock`.
    private var forkDepth = System.forkDepth
    /// The files with at least one holder; few, so a plain array. Guarded by `lock`.
    private var entries: [Entry] = []

    /// Takes the lock of the open file `descriptor` in this process and in the system.
    ///
    /// - Throws: `locked`, naming the holder where it can be told; `inputOutput`.
    func acquire(
        _ identity: Identity, descriptor: Int32, exclusive: Bool, path: String
    ) throws(StorageError) {
        lock.acquire()
        defer { lock.release() }
        if forkDepth != System.forkDepth {
            // A child made by `fork`: the holders are its parent's, and the system knows them.
            entries.removeAll()
            forkDepth = System.forkDepth
        }
        let known = entries.firstIndex { $0.identity == identity }
        if let known,
            let conflict = entries[known].table.conflict(
                handle: Int(descriptor), exclusive: exclusive, path: path)
        {
            throw conflict
        }
        var holder: Int64 = 0
        let result = unsafe csio_lock(descriptor, exclusive ? 1 : 0, &holder)
        if result == -csio_errno_again() {
            let who = holder > 0 ? "Process \(holder)" : "Another process"
            throw StorageError(
                .locked, "\(who) has the file open; wait until it closes it, or end it.",
                path: path)
        }
        if result != 0 { throw .system(Int64(result), "lock the file", path: path) }
        if let known {
            entries[known].table.hold(handle: Int(descriptor), exclusive: exclusive)
        } else {
            var entry = Entry(identity: identity)
            entry.table.hold(handle: Int(descriptor), exclusive: exclusive)
            entries.append(entry)
        }
    }

    /// Closes `descriptor` and drops what it held.
    ///
    /// The record lock that names this process to others goes with the closing of *any* descriptor
    /// of the file, so the holders that stay take it anew.
    func close(_ identity: Identity, descriptor: Int32) {
        lock.acquire()
        defer { lock.release() }
        let known = entries.firstIndex { $0.identity == identity }
        if let known {
            entries[known].table.drop(handle: Int(descriptor))
            // A process that another thread is just starting has a copy of the descriptor until it
            // runs its program, and would keep the lock for so long: closing is not enough.
            _ = csio_lock(descriptor, -1, nil)
        }
        _ = csio_close(descriptor)
        guard let known else { return }
        if entries[known].table.isEmpty {
            entries.remove(at: known)
            return
        }
        for holder in entries[known].table.holders {
            _ = csio_lock(Int32(holder.handle), holder.isExclusive ? 1 : 0, nil)
        }
    }
}
