import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// The lock between processes: one that writes, or any number that read ("Limits" in
/// Docs/Guarantees.md). That the lock ends with a killed process is in `crashtest process`.
@Suite(.enabled(if: BuiltCommand.executable != nil, "kvtools is not beside these tests"))
struct ProcessLockTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("my.db")
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        try database.close()
    }

    private func open(readOnly: Bool) throws(StorageError) -> FileDatabase {
        var options = DatabaseOptions()
        if readOnly { options.access = .readOnly }
        return try FileDatabase.open(path, options: options)
    }

    /// The commands that read and those that write, each with the status that it ends with when
    /// nothing is in its way.
    private var readers: [[String]] {
        [["get", path, "k"], ["stats", path], ["list", path], ["verify", path]]
    }
    private var writers: [[String]] {
        [["put", path, "k", "other"], ["delete", path, "k"], ["compact", path]]
    }

    /// Runs a command that this process's lock must keep out.
    private func expectLocked(
        _ arguments: [String], location: SourceLocation = #_sourceLocation
    ) throws {
        let error = try expectRefusal(4, [.locked], arguments, location: location)
        #if os(Linux)
            #expect(
                error.contains("Process \(getpid()) has the file open"), sourceLocation: location)
        #else
            // `flock` doesn't tell who.
            #expect(error.contains("has the file open"), sourceLocation: location)
        #endif
    }

    @Test func aWriterKeepsOtherProcessesOut() throws {
        let database = try open(readOnly: false)
        for arguments in readers + writers { try expectLocked(arguments) }
        // Nobody is told that a database that is in use is missing or damaged, nor harms it.
        try database.put("k2", "v2")
        #expect(try database.get("k") == Array("v".utf8))
        try database.close()
        #expect(try BuiltCommand.run("get", path, "k").output == "v")
        #expect(try BuiltCommand.run("get", path, "k2").output == "v2")
        for arguments in readers + writers {
            let done = try BuiltCommand.start(arguments).finish()
            #expect(done.status == 0, "\(arguments): \(done)")
        }
        #expect(try folder.names() == ["my.db"])
    }

    @Test func readersShareAndKeepWritersOut() throws {
        let first = try open(readOnly: true)
        for arguments in readers {
            let done = try BuiltCommand.start(arguments).finish()
            #expect(done.status == 0, "\(arguments): \(done)")
        }
        for arguments in writers { try expectLocked(arguments) }
        // Another reader of this process that goes takes no lock along.
        let second = try open(readOnly: true)
        try second.close()
        for arguments in writers { try expectLocked(arguments) }
        #expect(try first.get("k") == Array("v".utf8))
        try first.close()
        #expect(try BuiltCommand.run("put", path, "k", "after").status == 0)
        #expect(try BuiltCommand.run("get", path, "k").output == "after")
    }

    /// The other way round: the other process holds it, for as long as nobody reads its pipe.
    @Test func anotherProcessThatReadsKeepsThisOneFromWriting() throws {
        let database = try open(readOnly: false)
        // More than a pipe holds.
        try database.put("large", [UInt8](repeating: 65, count: 1 << 20))
        try database.close()
        let exports = try (0..<2).map { _ in try BuiltCommand.start(["export", path]) }
        defer { for export in exports { export.process.terminate() } }
        // The first byte comes while the database is open, and the last one can't be written yet.
        for export in exports { #expect(try export.output.read(upToCount: 1)?.count == 1) }
        let refused = #expect(throws: StorageError.self) {
            try self.open(readOnly: false).close()
        }
        #expect(refused?.code == .locked)
        #if os(Linux)
            let message = refused?.description ?? ""
            let holders = exports.map(\.process.processIdentifier)
            #expect(holders.contains { message.contains("Process \($0) has") }, "\(message)")
        #endif
        let reader = try open(readOnly: true)
        #expect(try reader.get("k") == Array("v".utf8))
        try reader.close()
        for export in exports { #expect(try export.finish().status == 0) }
        let writer = try open(readOnly: false)
        try writer.put("k", "w")
        try writer.close()
    }
}
