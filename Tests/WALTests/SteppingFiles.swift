import StorageIO

/// Files in memory whose reads come in sectors, and call `step` before each: so that whoever writes the
/// same files can be anywhere in between.
final class SteppingFiles: FileSystem, @unchecked Sendable {
    // Sendable: one thread uses it.
    let files: InMemoryFileSystem
    var step: () throws -> Void = {}
    private(set) var failure: (any Error)?

    init(_ files: InMemoryFileSystem) { self.files = files }

    /// Calls `step`, which reads nothing here itself.
    func advance() {
        let current = step
        step = {}
        defer { step = current }
        do { try current() } catch { failure = error }
    }

    func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> SteppingFile {
        SteppingFile(try files.open(path, mode), self)
    }

    func exists(_ path: String) throws(StorageError) -> Bool { try files.exists(path) }
    func remove(_ path: String) throws(StorageError) { try files.remove(path) }
    func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try files.rename(from, to: to, replacing: replacing)
    }
    func syncDirectory(of path: String) throws(StorageError) { try files.syncDirectory(of: path) }
}

/// A file of ``SteppingFiles``.
final class SteppingFile: File {
    private let file: InMemoryFile
    private let files: SteppingFiles

    init(_ file: InMemoryFile, _ files: SteppingFiles) {
        self.file = file
        self.files = files
    }

    var path: String { file.path }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StorageError) -> Int {
        var count = 0
        while count < buffer.count {
            files.advance()
            let piece = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[count..<min(count + 512, buffer.count)])
            let read = try unsafe file.read(into: piece, at: offset + UInt64(count))
            count += read
            if read < piece.count { break }
        }
        return count
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try unsafe file.write(buffer, at: offset)
    }
    func sync() throws(StorageError) { try file.sync() }
    func size() throws(StorageError) -> UInt64 { try file.size() }
    func truncate(to size: UInt64) throws(StorageError) { try file.truncate(to: size) }
    func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
        try file.preallocate(count, at: offset)
    }
    func lock(exclusive: Bool) throws(StorageError) { try file.lock(exclusive: exclusive) }
    func close() { file.close() }
}
