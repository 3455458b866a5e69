import Foundation
import StorageIO
import StorageIOTesting

/// A file system in memory of a few megabytes, mounted as long as the value lives.
final class SmallDisk {
    private let folder: TemporaryDirectory
    private var filled = 0

    /// Nil where this process may not mount.
    init?(byteCount: Int) throws {
        folder = try TemporaryDirectory()
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(byteCount)", "tmpfs", folder.path)
        else { return nil }
    }

    deinit { _ = Self.run("umount", "-l", folder.path) }

    func file(_ name: String) -> String { folder.file(name) }

    /// Bytes that are left.
    var freeByteCount: Int {
        var figures = statvfs()
        guard unsafe statvfs(folder.path, &figures) == 0 else { return 0 }
        return Int(figures.f_bavail) * Int(figures.f_frsize)
    }

    /// Takes what is left, but for some bytes.
    func fill(leaving left: Int = 0) throws(StorageError) {
        let file = try POSIXFileSystem().open(folder.file("filler"), .create)
        defer { file.close() }
        let size = try file.size()
        let more = freeByteCount - left
        guard more > 0 else { return }
        try file.preallocate(UInt64(more), at: size)
    }

    /// Gives all of that back.
    func release() throws(StorageError) {
        let files = POSIXFileSystem()
        if try files.exists(folder.file("filler")) { try files.remove(folder.file("filler")) }
    }

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
