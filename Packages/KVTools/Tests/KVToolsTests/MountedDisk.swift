import Foundation
import StorageIOTesting

/// A file system of its own in memory, mounted as long as the value lives.
final class MountedDisk {
    private let folder: TemporaryDirectory

    var path: String { folder.path }

    /// Whether this process may mount one; where not, say aloud that the test is skipped.
    static let isAllowed = (try? MountedDisk(megabytes: 1)) != nil

    /// Nil where this process may not mount.
    init?(megabytes: Int) throws {
        folder = try TemporaryDirectory()
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder.path)
        else { return nil }
    }

    // Lazily: a test that failed may have left a handle open.
    deinit { _ = Self.run("umount", "-l", folder.path) }

    func file(_ name: String) -> String { folder.file(name) }

    func names() throws -> [String] { try folder.names() }

    /// Makes the disk one that can only be read. False when some file is open for writing.
    func remountReadOnly() -> Bool { Self.run("mount", "-o", "remount,ro", folder.path) }

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
