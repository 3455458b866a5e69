import Foundation
import StorageIO
import Synchronization

/// A file that is there whole or not at all: written under another name and renamed at the end.
public final class OutputFile<Files: FileSystem>: ByteOutput {
    public let isTerminal = false
    private let files: Files
    private let handle: Files.Handle
    private let given: String
    private let path: String
    private let temporaryPath: String
    private let replaces: Bool
    private var offset: UInt64 = 0
    /// Up to here the system was asked to begin with the medium.
    private var begunOffset: UInt64 = 0
    private static var begunStep: UInt64 { 1 << 20 }
    private var isOpen = true

    /// Begins the file that ``commit()`` puts at `path`, in the same directory. A symbolic link there is
    /// followed.
    ///
    /// - Parameter replacing: whether it may take the place of a file that is there at the end.
    /// - Throws: as ``FileSystem/open(_:_:)``; `fileNotFound` for a link that leads nowhere. Errors name
    ///   the file as `path` does.
    public init(path: String, on files: Files, replacing: Bool = true) throws(StorageError) {
        self.files = files
        given = path
        let resolved = try files.resolve(path)
        self.path = resolved
        replaces = replacing
        let temporaryPath = OutputName.temporary(resolved, "partial")
        self.temporaryPath = temporaryPath
        do throws(StorageError) {
            handle = try files.open(temporaryPath, .createNew)
        } catch {
            throw OutputName.named(error, temporaryPath, as: path)
        }
        TemporaryFile.register([temporaryPath])
    }

    deinit { abandon() }

    public func write(_ bytes: ByteView) throws(StorageError) {
        do throws(StorageError) {
            try unsafe handle.write(bytes.buffer, at: offset)
            offset += UInt64(bytes.count)
            // So that the medium is at work while more is made, and ``commit()`` has little to wait
            // for.
            guard offset - begunOffset >= Self.begunStep else { return }
            try handle.writeBack(offset - begunOffset, at: begunOffset, waiting: false)
            begunOffset = offset
        } catch {
            throw OutputName.named(error, temporaryPath, as: given)
        }
    }

    public func flush() {}

    /// Makes what was written durable and gives it its name, in place of a file that has it if it may
    /// replace one.
    ///
    /// - Throws: `fileExists` if it may not and there is one.
    public func commit() throws(StorageError) {
        do throws(StorageError) {
            try handle.sync()
            try files.rename(temporaryPath, to: path, replacing: replaces)
            isOpen = false
            TemporaryFile.unregister()
            handle.close()
            try files.syncDirectory(of: path)
        } catch {
            throw OutputName.named(error, temporaryPath, as: given)
        }
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

/// The name of a file that is not yet whole.
enum OutputName {
    /// A name beside `path` that no other process takes.
    static func temporary(_ path: String, _ kind: String) -> String {
        "\(path).\(System.processNumber)-\(System.randomNumber() % 100_000).\(kind)"
    }

    /// An error that names the file as the user did, and not as it is called until it is whole.
    static func named(
        _ error: StorageError, _ temporary: String, as given: String
    ) -> StorageError {
        guard let path = error.path, path.hasPrefix(temporary) else { return error }
        var error = error
        error.path = given
        return error
    }
}

/// Removes the files under way when a signal ends the process.
enum TemporaryFile {
    /// The most files that one command makes.
    private static let count = 3
    /// Their paths as C strings that are never freed, since a handler may be reading them; 0 for none.
    private static let first = Atomic<UInt>(0)
    private static let second = Atomic<UInt>(0)
    private static let third = Atomic<UInt>(0)

    /// - Parameter paths: three at most.
    static func register(_ paths: [String]) {
        precondition(paths.count <= count, "a command has at most \(count) temporary files")
        let copies = paths.map { unsafe UInt(bitPattern: strdup($0)) }
        first.store(copies.first ?? 0, ordering: .releasing)
        second.store(copies.dropFirst().first ?? 0, ordering: .releasing)
        third.store(copies.dropFirst(2).first ?? 0, ordering: .releasing)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let earlier = signal(number) { number in
                // Only calls that are allowed in a signal handler.
                TemporaryFile.remove(TemporaryFile.first.exchange(0, ordering: .acquiring))
                TemporaryFile.remove(TemporaryFile.second.exchange(0, ordering: .acquiring))
                TemporaryFile.remove(TemporaryFile.third.exchange(0, ordering: .acquiring))
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

    private static func remove(_ path: UInt) {
        if let path = unsafe UnsafePointer<CChar>(bitPattern: path) { unsafe unlink(path) }
    }

    static func unregister() {
        first.store(0, ordering: .releasing)
        second.store(0, ordering: .releasing)
        third.store(0, ordering: .releasing)
    }
}
