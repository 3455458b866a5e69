import Foundation
import StorageIO

/// Where an export goes: standard output, a device or pipe that is there, or a file that appears
/// when it is whole.
struct ExportTarget {
    /// Takes the export's bytes.
    let stream: any ByteOutput
    private let file: OutputFile<POSIXFileSystem>?

    /// - Parameters:
    ///   - name: a path, or `-` for standard output.
    ///   - database: the path of the database that is exported, which must not be replaced.
    init(_ name: String, database: String, in session: Session) throws(StorageError) {
        if name == "-" {
            stream = session.output
            file = nil
            return
        }
        switch Self.look(name) {
        case .missing:
            let file = try OutputFile(path: name, on: POSIXFileSystem())
            self.file = file
            stream = file
        case .file(let identity):
            for path in [database, database + "-wal"] {
                if case .file(identity) = Self.look(path) {
                    throw StorageError(
                        .invalidArgument,
                        "The export would replace the database; choose another file.", path: name)
                }
            }
            // A link's target is replaced, not the link.
            let file = try OutputFile(path: Self.resolved(name), on: POSIXFileSystem())
            self.file = file
            stream = file
        case .other:
            file = nil
            stream = try DescriptorOutput(path: name)
        }
    }

    /// Gives the file its name.
    func commit() throws(StorageError) { try file?.commit() }

    /// What a path leads to, through links.
    private enum Place: Equatable {
        case missing
        case file(Identity)
        case other
    }

    private struct Identity: Equatable {
        var device: UInt64
        var inode: UInt64
    }

    private static func look(_ path: String) -> Place {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return .missing }
        guard status.st_mode & S_IFMT == S_IFREG else { return .other }
        return .file(
            Identity(
                device: UInt64(truncatingIfNeeded: status.st_dev),
                inode: UInt64(truncatingIfNeeded: status.st_ino)))
    }

    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(validatingCString: real) ?? path
    }
}
