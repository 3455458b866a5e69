import Foundation
import StorageIO
import Synchronization

/// A file that is there whole or not at all: written under another name and renamed at the end.
package final class OutputFile<Files: FileSystem>: ByteOutput {
    package let isTerminal = false
    private let files: Files
    private let handle: Files.Handle
    private let path: String
    private let temporaryPath: String
    private var offset: UInt64 = 0
    private var isOpen = true

    /// Begins the file that ``commit()`` puts at `path`, in the same directory.
    ///
    /// - Throws: as ``FileSystem/open(_:_:)``.
    package init(path: String, on files: Files) throws(StorageError) {
        self.files = files
        self.path = path
        temporaryPath = "\(path).\(System.processNumber)-\(System.randomNumber() % 100_000).partial"
        handle = try files.open(temporaryPath, .createNew)
        TemporaryFile.register(temporaryPath)
    }

    deinit { abandon() }

    package func write(_ bytes: ByteView) throws(StorageError) {
        try unsafe handle.write(bytes.buffer, at: offset)
        offset += UInt64(bytes.count)
    }

    package func flush() {}

    /// Makes what was written durable and gives it its name, in place of a file that has it.
    package func commit() throws(StorageError) {
        try handle.sync()
        try files.rename(temporaryPath, to: path, replacing: true)
        isOpen = false
        TemporaryFile.unregister()
        handle.close()
        try files.syncDirectory(of: path)
    }

    /// Removes what was written, unless it has its name already.
    func abandon() {
        guard isOpen else { return }
        isOpen = false
        handle.close()
        // The export failed already; that its remains can't be removed is not the news.
        try? files.remove(temporaryPath)
        TemporaryFile.unregister()
    }
}

/// Removes the output under way when a signal ends the process.
enum TemporaryFile {
    /// The path as a C string that is never freed, since a handler may be reading it; 0 for none.
    private static let path = Atomic<UInt>(0)

    static func register(_ path: String) {
        let copy = unsafe strdup(path)
        Self.path.store(UInt(bitPattern: copy), ordering: .releasing)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let earlier = signal(number) { number in
                // Only calls that are allowed in a signal handler.
                let path = TemporaryFile.path.exchange(0, ordering: .acquiring)
                if let path = unsafe UnsafePointer<CChar>(bitPattern: path) {
                    unsafe unlink(path)
                }
                _ = signal(number, SIG_DFL)
                raise(number)
            }
            // What is ignored, as under nohup, stays ignored. Handlers can't be compared but as
            // addresses.
            if unsafe unsafeBitCast(earlier, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
                _ = signal(number, SIG_IGN)
            }
        }
    }

    static func unregister() {
        path.store(0, ordering: .releasing)
    }
}
