import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Media that can't be written, by their mount or by access rights ("Files and names" in
/// Docs/Guarantees.md): reading works, with a log to replay as well, and creates no file; writing
/// gives its error and changes nothing.
@Suite struct ReadOnlyMediaTests {
    /// How a database was left.
    enum Left: CaseIterable { case closed, withLog }

    static let count = 300

    /// Leaves a database as "my.db" in `folder`.
    private func leave(_ left: Left, in folder: String) throws {
        let source = try TemporaryDirectory()
        let path = source.file("my.db")
        var options = DatabaseOptions()
        options.durability = .buffered
        options.checkpointPolicy = .manual
        let database = try FileDatabase.open(path, options: options)
        for number in 0..<Self.count {
            // Some in the data file, some only in the log.
            if number == Self.count / 2 { try database.checkpoint() }
            try database.put("key \(number)", "value \(number)")
        }
        try database.sync()
        if left == .closed { try database.close() }
        for name in try source.names() {
            try FileManager.default.copyItem(atPath: source.file(name), toPath: "\(folder)/\(name)")
        }
        if left == .withLog { try database.close() }
    }

    /// All files of a folder.
    private func contents(_ folder: String) throws -> [String: Data] {
        var all: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            all[name] = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
        }
        return all
    }

    private func code(_ body: () throws(StorageError) -> Void) -> StorageError.Code? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    /// What a program sees of a database that it may only read.
    private func expectReadable(_ path: String, location: SourceLocation = #_sourceLocation) throws
    {
        var options = DatabaseOptions()
        options.access = .readOnly
        let database = try FileDatabase.open(path, options: options)
        let second = try FileDatabase.open(path, options: options)
        #expect(try database.get("key 299") == Array("value 299".utf8), sourceLocation: location)
        var seen = 0
        try second.forEach { _, _ throws(StorageError) in
            seen += 1
            return true
        }
        #expect(seen == Self.count, sourceLocation: location)
        #expect(try database.verify().isSound, sourceLocation: location)
        #expect(try database.statistics().entryCount == UInt64(Self.count))
        #expect(code { () throws(StorageError) in try database.put("k", "v") } == .readOnly)
        #expect(code { () throws(StorageError) in try database.checkpoint() } == .readOnly)
        try second.close()
        try database.close()
    }

    @Test(
        .enabled(if: MountedDisk.isAllowed, "this process may not mount a file system"),
        arguments: Left.allCases)
    func aDiskThatIsMountedReadOnly(left: Left) throws {
        let disk = try #require(try MountedDisk(megabytes: 32))
        let other = try TemporaryDirectory()
        let path = disk.file("my.db")
        try leave(left, in: disk.path)
        let before = try contents(disk.path)
        #expect(before.count == (left == .closed ? 1 : 2))
        try #require(disk.remountReadOnly())

        try expectReadable(path)
        #expect(kvtools("get", path, "key 7").text == "value 7")
        #expect(kvtools("list", path).text.split(separator: "\n").count == Self.count)
        for verb in ["verify", "stats", "inspect"] {
            let done = kvtools(verb, path)
            #expect(done.status == .success, "\(verb): \(done.error)")
        }
        for arguments in [
            ["export", path, "-o", other.file("x.tkdb")], ["export", path, "--lz4"],
        ] {
            let error = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: arguments, input: MemoryInput([]), output: MemoryOutput(), error: error)
            #expect(status == .success, "\(arguments): \(error.text)")
        }
        #expect(kvtools("import", other.file("new.db"), other.file("x.tkdb")).status == .success)
        #expect(kvtools("list", other.file("new.db")).text == kvtools("list", path).text)
        #expect(kvtools("salvage", path, other.file("salvaged.db")).status == .success)

        for arguments in [
            ["put", path, "k", "v"], ["delete", path, "key 7"], ["compact", path],
            ["import", path, other.file("x.tkdb"), "--merge"],
            ["put", disk.file("new.db"), "k", "v"],
            ["import", disk.file("new.db"), other.file("x.tkdb")],
            ["export", path, "-o", disk.file("x.tkdb")],
        ] {
            let error = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: arguments + ["--json"], input: MemoryInput([]), output: MemoryOutput(),
                error: error)
            #expect(status == .inputOutput, "\(arguments): \(error.text)")
            #expect(
                error.text.hasPrefix(#"{"error":{"code":"readOnly","#),
                "\(arguments): \(error.text)")
        }
        for name in ["my.db", "new.db"] {
            let refused = code { () throws(StorageError) in
                try FileDatabase.open(disk.file(name)).close()
            }
            #expect(refused == .readOnly)
        }
        // The refused ones hold no lock, and left nothing.
        try expectReadable(path)
        #expect(try contents(disk.path) == before)
    }

    /// The commands that read work for another user without any right to write, those that write
    /// are refused.
    ///
    /// - Parameter mode: the files' rights; the directory's never allow to write.
    private func asAnotherUser(_ left: Left, mode: mode_t) throws {
        let folder = try TemporaryDirectory()
        let media = folder.file("media")
        let path = media + "/my.db"
        try FileManager.default.createDirectory(atPath: media, withIntermediateDirectories: false)
        try leave(left, in: media)
        let before = try contents(media)
        for name in before.keys { #expect(unsafe chmod("\(media)/\(name)", mode) == 0) }
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        #expect(unsafe chmod(media, 0o555) == 0)
        // So that it can be removed.
        defer { _ = unsafe chmod(media, 0o755) }

        func run(_ arguments: String...) throws -> BuiltCommand.Result {
            try BuiltCommand.start(arguments, isUnprivileged: true).finish()
        }
        func expectReads() throws {
            #expect(try run("get", path, "key 299").output == "value 299")
            #expect(try run("get", path, "missing").status == 1)
            #expect(try run("list", path).output.split(separator: "\n").count == Self.count)
            for verb in ["verify", "stats", "inspect", "export"] {
                let done = try run(verb, path)
                #expect(done.status == 0, "\(verb): \(done.error)")
            }
        }
        try expectReads()
        for arguments in [
            ["put", path, "k", "v"], ["delete", path, "key 7"], ["compact", path],
            ["put", media + "/new.db", "k", "v"], ["export", path, "-o", media + "/x.tkdb"],
        ] {
            try expectRefusal(
                5, [.permissionDenied, .readOnly], arguments, isUnprivileged: true)
        }
        let after = try contents(media)
        #expect(after.keys == before.keys)
        for (name, bytes) in before {
            #expect(after[name]?.prefix(bytes.count) == bytes)
            // A transaction that was refused at its commit may leave room that it took ahead, where the
            // file may be written; the next checkpoint gives it back.
            let room = after[name]?.dropFirst(bytes.count) ?? Data()
            #expect(mode == 0o666 || room.isEmpty)
            #expect(room.allSatisfy { $0 == 0 })
        }
        try expectReads()
    }

    @Test(
        .enabled(
            if: BuiltCommand.canRunUnprivileged, "can't run kvtools as another user than root"),
        arguments: Left.allCases)
    func filesThatMayOnlyBeRead(left: Left) throws { try asAnotherUser(left, mode: 0o444) }

    /// Without a log beside it: it could be written, but the log can't be created.
    @Test(
        .enabled(
            if: BuiltCommand.canRunUnprivileged, "can't run kvtools as another user than root"))
    func aDirectoryThatTakesNoLog() throws { try asAnotherUser(.closed, mode: 0o666) }
}
