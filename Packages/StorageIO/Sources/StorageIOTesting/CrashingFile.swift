import StorageIO

/// A file of a ``CrashingFileSystem``.
public final class CrashingFile: File, @unchecked Sendable {
    // Sendable: `isClosed` is only touched under the file system's lock.
    /// The path it was opened by.
    public let path: String
    private let fileSystem: CrashingFileSystem
    private let contents: CrashingContents
    private let handle: Int
    private let isReadOnly: Bool
    private var isClosed = false

    init(
        path: String, fileSystem: CrashingFileSystem, contents: CrashingContents, handle: Int,
        isReadOnly: Bool
    ) {
        self.path = path
        self.fileSystem = fileSystem
        self.contents = contents
        self.handle = handle
        self.isReadOnly = isReadOnly
    }

    deinit { close() }

    private func checkOpen() throws(StorageError) {
        if isClosed { throw StorageError(.closed, "The file is closed.", path: path) }
    }

    private func checkWritable(_ offset: UInt64, _ count: UInt64) throws(StorageError) {
        try checkOpen()
        if isReadOnly {
            throw StorageError(.readOnly, "The file is opened to read only.", path: path)
        }
        guard count <= MemoryImage.limit, offset <= MemoryImage.limit - count else {
            throw StorageError(
                .fileTooLarge, "The file can't reach that far.", path: path, offset: offset)
        }
    }

    private var diskFull: StorageError {
        StorageError(.diskFull, "No space is left on the device (simulated).", path: path)
    }

    /// Reads at `offset` until `buffer` is full or the file ends; see `File.read(into:at:)`.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        let failed = { (number: Int) in
            var random = SeededRandom(seed: UInt64(number))
            let part = random.bytes(random.below(buffer.count + 1))
            unsafe buffer.copyBytes(from: part)
        }
        return try fileSystem.perform(
            .read, path, offset: offset, byteCount: buffer.count, failed: failed
        ) { _ throws(StorageError) in
            try checkOpen()
            let count = unsafe contents.current.read(into: buffer, at: offset)
            unsafe fileSystem.corrupt(
                UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset, of: contents)
            return count
        }
    }

    /// Writes all of `buffer` at `offset`; see `File.write(_:at:)`.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(StorageError) {
        var writtenCount = 0
        let failed = { [self] (number: Int) in
            guard (try? checkWritable(offset, UInt64(buffer.count))) != nil else { return }
            var random = SeededRandom(seed: UInt64(number))
            let part = unsafe UnsafeRawBufferPointer(
                rebasing: buffer[..<random.below(buffer.count + 1)])
            unsafe contents.write(part, at: offset, number: number)
            writtenCount = part.count
        }
        let bytes = { unsafe [UInt8](buffer[..<writtenCount]) }
        try fileSystem.perform(
            .write, path, offset: offset, byteCount: buffer.count, written: bytes, failed: failed
        ) { number throws(StorageError) in
            try checkWritable(offset, UInt64(buffer.count))
            let limit = largestSize
            let end = offset + UInt64(buffer.count)
            if end > contents.current.size, end > limit {
                // What fits is written, as a short write of the system would.
                let fitting = limit > offset ? limit - offset : 0
                let part = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<Int(fitting)])
                unsafe contents.write(part, at: offset, number: number)
                writtenCount = part.count
                throw outOfSpace(end)
            }
            if fileSystem.keepsHistory { contents.keep(offset, buffer.count) }
            unsafe contents.write(buffer, at: offset, number: number)
            writtenCount = buffer.count
        }
    }

    /// Makes earlier writes and the size durable; see `File.sync()`.
    public func sync() throws(StorageError) {
        let failed = { [self] (number: Int) in
            if isClosed { return }
            let failure = fileSystem.syncFailure
            contents.failSync(failure.survival, isCached: failure.isCached, number: number)
        }
        let image = { [self] in contents.image }
        try fileSystem.perform(.sync, path, image: image, failed: failed) {
            _ throws(StorageError) in
            try checkOpen()
            contents.sync()
        }
    }

    /// The file's size in bytes.
    public func size() throws(StorageError) -> UInt64 {
        try fileSystem.look(.size, path) { () throws(StorageError) in
            try checkOpen()
            return contents.current.size
        }
    }

    /// Cuts the file, or extends it with zeros; see `File.truncate(to:)`.
    public func truncate(to size: UInt64) throws(StorageError) {
        try fileSystem.perform(.truncate, path, offset: size) { number throws(StorageError) in
            try checkWritable(size, 0)
            try grow(to: size)
            contents.resize(to: size, number: number)
        }
    }

    /// Reserves space and extends the file over it; see `File.preallocate(_:at:)`.
    public func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try fileSystem.perform(
            .preallocate, path, offset: offset, byteCount: Int(clamping: count)
        ) { number throws(StorageError) in
            try checkWritable(offset, count)
            guard count > 0 else { return }
            let end = max(contents.current.size, offset + count)
            try grow(to: end)
            contents.preallocate(from: offset, to: end, number: number)
        }
    }

    /// Throws when the disk has no room for the file to be that large.
    private func grow(to size: UInt64) throws(StorageError) {
        if size > contents.current.size, size > largestSize { throw outOfSpace(size) }
    }

    /// How large the file can be: by what is left of the disk, and by the limit to files' sizes.
    private var largestSize: UInt64 {
        let limit = contents.current.size.addingReportingOverflow(fileSystem.spaceLeft())
        return min(limit.overflow ? .max : limit.partialValue, fileSystem.largestFileLimit ?? .max)
    }

    /// Why the file can't be of `size` bytes.
    private func outOfSpace(_ size: UInt64) -> StorageError {
        guard let limit = fileSystem.largestFileLimit, size > limit else { return diskFull }
        return StorageError(
            .fileTooLarge, "The file system allows no file of that size (simulated).", path: path)
    }

    /// Takes the file's lock without waiting; see `File.lock(exclusive:)`.
    public func lock(exclusive: Bool) throws(StorageError) {
        try fileSystem.look(.lock, path) { () throws(StorageError) in
            try checkOpen()
            if exclusive && isReadOnly {
                throw StorageError(.readOnly, "The file is opened to read only.", path: path)
            }
            if let conflict = contents.locks.conflict(
                handle: handle, exclusive: exclusive, path: path)
            {
                throw conflict
            }
            contents.locks.hold(handle: handle, exclusive: exclusive)
        }
    }

    /// Drops the lock and closes; later calls throw `closed`, another `close` does nothing.
    public func close() {
        fileSystem.lock.withLock {
            isClosed = true
            contents.locks.drop(handle: handle)
        }
    }
}
