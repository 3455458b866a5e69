import StorageIO
import StorageIOTesting

/// The implementations of `FileSystem` that hold the same promises.
enum FileSystemKind: CaseIterable, Sendable {
    case system
    case memory
    case crashing
}

/// A file system to test, and where in it names are free.
struct Place {
    let fileSystem: any FileSystem
    private let directory: TemporaryDirectory?

    init(_ kind: FileSystemKind) throws {
        switch kind {
        case .system:
            fileSystem = POSIXFileSystem()
            directory = try TemporaryDirectory()
        case .memory:
            fileSystem = InMemoryFileSystem()
            directory = nil
        case .crashing:
            fileSystem = CrashingFileSystem()
            directory = nil
        }
    }

    func path(_ name: String) -> String { directory?.file(name) ?? "directory/" + name }

    func open(_ name: String, _ mode: OpenMode = .create) throws -> any File {
        try fileSystem.open(path(name), mode)
    }
}

/// The error that `body` throws, or nil.
func storageError(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StorageError
    }
}

/// The code of the error that `body` throws, or nil.
func errorCode(_ body: () throws -> Void) -> StorageError.Code? { storageError(body)?.code }
