import CStorageIO
import Synchronization

/// A file of the system, opened by ``POSIXFileSystem``.
public final class POSIXFile: File {
    /// The path it was opened by.
    public let path: String
    private let descriptor: Int32
    private let identity: FileLockRegistry.Identity
    private let isReadOnly: Bool
    private let forkDepth = System.forkDepth

    /// Twice the number of calls under way, plus 1 once closed. Whoever takes it to exactly 1
    /// closes the descriptor, so no call ever meets a number that the system has given to another
    /// file meanwhile.
    private let uses = Atomic<Int>(0)

    init(
        path: String, descriptor: Int32, identity: FileLockRegistry.Identity, isReadOnly: Bool
    ) {
        self.path = path
        self.descriptor = descriptor
        self.identity = identity
        self.isReadOnly = isReadOnly
    }

    deinit { close() }

    /// Begins a call on the descriptor; ``endUse()`` must follow.
    private func beginUse() throws(StorageError) {
        var seen = uses.load(ordering: .relaxed)
        while true {
            if seen & 1 != 0 { throw .closedFile(path) }
            let (exchanged, original) = uses.weakCompareExchange(
                expected: seen, desired: seen + 2, ordering: .acquiring)
            if exchanged { return }
            seen = original
        }
    }

    private func endUse() {
        if uses.wrappingSubtract(2, ordering: .acquiringAndReleasing).newValue == 1 {
            closeDescriptor()
        }
    }

    private func closeDescriptor() {
        if forkDepth == System.forkDepth {
            FileLockRegistry.shared.close(identity, descriptor: descriptor)
        } else {
            // In a child made by `fork` the lock is the parent's; it belongs to the open file, which
            // the parent still has.
            _ = csio_close(descriptor)
        }
    }

    private func beginWrite() throws(StorageError) {
        try beginUse()
        if isReadOnly {
            endUse()
            throw .readOnlyFile(path)
        }
    }

    /// The last byte that the system can address.
    private static var limit: UInt64 { UInt64(Int64.max) }

    /// Reads at `offset` until `buffer` is full or the file ends; see ``File/read(into:at:)``.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        try beginUse()
        defer { endUse() }
        guard let start = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let (position, overflow) = offset.addingReportingOverflow(UInt64(done))
            // Nothing lies beyond the last position that the system can address.
            if overflow || position > Self.limit { break }
            let count = unsafe csio_read(descriptor, start + done, buffer.count - done, position)
            if count < 0 { throw .system(count, "read the file", path: path, offset: position) }
            if count == 0 { break }
            done += Int(count)
        }
        return done
    }

    /// Writes all of `buffer` at `offset`; see ``File/write(_:at:)``.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) {
        try beginWrite()
        defer { endUse() }
        guard let start = buffer.baseAddress, buffer.count > 0 else { return }
        guard offset <= Self.limit - UInt64(buffer.count) else { throw .unreachable(path, offset) }
        var done = 0
        while done < buffer.count {
            let position = offset + UInt64(done)
            let count = unsafe csio_write(descriptor, start + done, buffer.count - done, position)
            if count < 0 {
                throw .system(count, "write to the file", path: path, offset: position)
            }
            if count == 0 {
                // Not an error by the letter of the interface, but never to be tried for ever.
                throw StorageError(
                    .inputOutput, "The system wrote nothing and gave no reason.", path: path,
                    offset: position)
            }
            done += Int(count)
        }
    }

    /// Makes earlier writes and the size durable; see ``File/sync()``.
    public func sync() throws(StorageError) {
        try beginUse()
        defer { endUse() }
        let result = csio_sync_data(descriptor)
        if result != 0 { throw .system(Int64(result), "sync the file", path: path) }
    }

    /// Starts or awaits the writing of a part; see ``File/writeBack(_:at:waiting:)``. Linux only.
    public func writeBack(
        _ count: UInt64, at offset: UInt64, waiting: Bool
    ) throws(StorageError) {
        try beginUse()
        defer { endUse() }
        let result = csio_write_back(descriptor, offset, count, waiting ? 1 : 0)
        if result != 0 { throw .system(Int64(result), "write the file back", path: path) }
    }

    /// The file's size in bytes.
    public func size() throws(StorageError) -> UInt64 {
        try beginUse()
        defer { endUse() }
        let result = csio_size(descriptor)
        if result < 0 { throw .system(result, "look at the file's size", path: path) }
        return UInt64(result)
    }

    /// Cuts the file, or extends it with zeros; see ``File/truncate(to:)``.
    public func truncate(to size: UInt64) throws(StorageError) {
        try beginWrite()
        defer { endUse() }
        guard size <= Self.limit else { throw .unreachable(path, size) }
        let result = csio_truncate(descriptor, size)
        if result != 0 {
            throw .system(Int64(result), "change the file's size", path: path, offset: size)
        }
    }

    /// Reserves space and extends the file over it; see ``File/preallocate(_:at:)``.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try beginWrite()
        defer { endUse() }
        guard count > 0 else { return }
        guard count <= Self.limit, offset <= Self.limit - count else {
            throw .unreachable(path, offset)
        }
        let result = csio_preallocate(descriptor, offset, count)
        if result != 0 {
            throw .system(
                Int64(result), "reserve space for the file", path: path, offset: offset)
        }
    }

    /// Takes the file's lock without waiting; see ``File/lock(exclusive:)``.
    public func lock(exclusive: Bool) throws(StorageError) {
        try beginUse()
        defer { endUse() }
        if exclusive && isReadOnly { throw .readOnlyFile(path) }
        try FileLockRegistry.shared.acquire(
            identity, descriptor: descriptor, exclusive: exclusive, path: path)
    }

    /// Which file it is; see ``File/status()``.
    public func status() throws(StorageError) -> FileStatus? {
        try beginUse()
        defer { endUse() }
        var status = csio_status()
        let result = unsafe csio_status_of(descriptor, &status)
        if result != 0 { throw .system(Int64(result), "look at the file", path: path) }
        return FileStatus(status)
    }

    /// Gives it the rights of `owner`, or to its user alone.
    func takeRights(of owner: POSIXFile?) throws(StorageError) {
        try beginUse()
        defer { endUse() }
        let result: Int32
        if let owner {
            try owner.beginUse()
            defer { owner.endUse() }
            result = csio_take_rights(descriptor, owner.descriptor)
        } else {
            result = csio_make_private(descriptor)
        }
        if result < 0 { throw .system(Int64(result), "set the access rights", path: path) }
        guard result == 0 else {
            throw StorageError(
                .permissionDenied,
                "More people may open the file than the database, and that can't be changed from "
                    + "here; nothing was written to it. Let its owner take the rights away, or move "
                    + "it away.", path: path)
        }
    }

    /// Whether it belongs to the owner of `owner`, to this process's user, or to root.
    func isTrusted(beside owner: POSIXFile) throws(StorageError) -> Bool {
        try beginUse()
        defer { endUse() }
        try owner.beginUse()
        defer { owner.endUse() }
        let result = csio_is_trusted(descriptor, owner.descriptor)
        if result < 0 { throw .system(Int64(result), "look at the file's owner", path: path) }
        return result != 0
    }

    /// Drops the lock and closes; later calls throw `closed`, another `close` does nothing.
    public func close() {
        if uses.bitwiseOr(1, ordering: .acquiringAndReleasing).oldValue == 0 {
            closeDescriptor()
        }
    }
}
