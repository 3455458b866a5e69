import Foundation
import KVDB
import StorageIO

/// Where an export goes: standard output, a device or pipe that is there, or a file that appears
/// when it is whole.
struct ExportTarget {
    /// Takes the export's bytes.
    let stream: any ByteOutput
    private let file: OutputFile<POSIXFileSystem>?

    /// - Parameters:
    ///   - name: a path, or `-` for standard output.
    ///   - database: the path of the database that is exported. Nothing may take one of its names, not
    ///     even one that is free now.
    init(_ name: String, database: String, in session: Session) throws(StorageError) {
        let names = try Database.files(of: database)
        if name == "-" {
            // What standard output was redirected to is a name too.
            if session.output is DescriptorOutput,
                let conflict = try? names.conflict(with: "/dev/stdout")
            {
                throw Self.refused(conflict)
            }
            stream = session.output
            file = nil
            return
        }
        guard !Self.isDeviceOrPipe(name) else {
            file = nil
            stream = try DescriptorOutput(path: name)
            return
        }
        guard try names.conflict(with: name) == nil else { throw Self.refused(name) }
        // A link's target is replaced, not the link.
        let file = try OutputFile(path: name, on: POSIXFileSystem())
        self.file = file
        stream = file
    }

    private static func refused(_ name: String) -> StorageError {
        StorageError(
            .invalidArgument,
            "The export would take the place of a file of the database; choose another name.",
            path: name)
    }

    /// Gives the file its name.
    func commit() throws(StorageError) { try file?.commit() }

    private static func isDeviceOrPipe(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT != S_IFREG
    }
}
