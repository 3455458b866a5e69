import Synchronization

/// A file in memory, opened by ``InMemoryFileSystem``.
public final class InMemoryFile: File {
    /// The path it was opened by.
    public let path: String
    private let contents: InMemoryContents
    private let handle: Int
    private let isReadOnly: Bool
    private let isClosed = Atomic<Bool>(false)

    init(path: String, contents: InMemoryContents, handle: Int, isReadOnly: Bool) {
        self.path = path
        self.contents = contents
        self.handle = handle
        self.isReadOnly = isReadOnly
    }

    deinit { close() }

    private func checkOpen() throws(StorageError) {
        if isClosed.load(ordering: .acquiring) { throw .closedFile(path) }
    }

    private func checkWritable(_ offset: UInt64, _ count: UInt64) throws(StorageError) {
        try checkOpen()
        if isReadOnly { throw .readOnlyFile(path) }
        guard count <= InMemoryContents.limit, offset <= InMemoryContents.limit - count else {
            throw .unreachable(path, offset)
        }
    }

    /// Reads at `offset` until `buffer` is full or the file ends; see ``File/read(into:at:)``.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        try checkOpen()
        return unsafe contents.read(into: buffer, at: offset)
    }

    /// Writes all of `buffer` at `offset`; see ``File/write(_:at:)``.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) {
        try checkWritable(offset, UInt64(buffer.count))
        unsafe contents.write(buffer, at: offset)
    }

    /// Does nothing: there is no medium.
    public func sync() throws(StorageError) { try checkOpen() }

    /// The file's size in bytes.
    public func size() throws(StorageError) -> UInt64 {
        try checkOpen()
        return contents.byteCount
    }

    /// Cuts the file, or extends it with zeros; see ``File/truncate(to:)``.
    public func truncate(to size: UInt64) throws(StorageError) {
        try checkWritable(size, 0)
        contents.resize(to: size)
    }

    /// Extends the file; memory is taken when written, so nothing is really reserved.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try checkWritable(offset, count)
        if count > 0 { contents.extend(to: offset + count) }
    }

    /// Takes the file's lock without waiting; see ``File/lock(exclusive:)``.
    public func lock(exclusive: Bool) throws(StorageError) {
        try checkOpen()
        if exclusive && isReadOnly { throw .readOnlyFile(path) }
        try contents.takeLock(handle: handle, exclusive: exclusive, path: path)
    }

    /// Drops the lock and closes; later calls throw `closed`, another `close` does nothing.
    public func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) {
            contents.dropLock(handle: handle)
        }
    }
}
