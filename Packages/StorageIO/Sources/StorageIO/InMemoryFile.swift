import Synchronization

/// A file in memory, opened by ``InMemoryFileSystem``.
public final class InMemoryFile: File {
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

    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        try checkOpen()
        return unsafe contents.read(into: buffer, at: offset)
    }

    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) {
        try checkWritable(offset, UInt64(buffer.count))
        unsafe contents.write(buffer, at: offset)
    }

    /// Does nothing: there is no medium.
    public func sync() throws(StorageError) { try checkOpen() }

    public func size() throws(StorageError) -> UInt64 {
        try checkOpen()
        return contents.byteCount
    }

    public func truncate(to size: UInt64) throws(StorageError) {
        try checkWritable(size, 0)
        contents.resize(to: size)
    }

    /// Extends the file; memory is taken when written, so nothing is really reserved.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try checkWritable(offset, count)
        if count > 0 { contents.extend(to: offset + count) }
    }

    public func lock(exclusive: Bool) throws(StorageError) {
        try checkOpen()
        if exclusive && isReadOnly { throw .readOnlyFile(path) }
        try contents.takeLock(handle: handle, exclusive: exclusive, path: path)
    }

    public func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) {
            contents.dropLock(handle: handle)
        }
    }
}
