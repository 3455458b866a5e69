@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Access rights, links, and names that lead elsewhere ("Files and names" in Docs/Guarantees.md).
@Suite struct FileSafetyTests {
    private let folder: TemporaryDirectory
    private let path: String
    private var log: String { FileDatabase.logPath(of: path) }

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("my.db")
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func code(_ body: () throws(StorageError) -> Void) -> StorageError.Code? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    private func openCode(_ path: String, readOnly: Bool = false) -> StorageError.Code? {
        code { () throws(StorageError) in
            var options = DatabaseOptions()
            if readOnly { options.access = .readOnly }
            try FileDatabase.open(path, options: options).close()
        }
    }

    private func names() throws -> [String] { try folder.names() }

    @Test func filesAreTheUsersAloneAndTheLogFollowsTheDatabase() throws {
        let database = try FileDatabase.open(path)
        #expect(mode(path) == 0o600)
        try database.put("k", "v")
        #expect(mode(log) == 0o600)
        try database.close()
        for rights in [0o640, 0o666, 0o600] as [mode_t] {
            #expect(unsafe chmod(path, rights) == 0)
            let database = try FileDatabase.open(path)
            try database.put("k", "v")
            #expect(mode(log) == rights)
            // One that a killed process left follows too: kept under another name over the close.
            #expect(unsafe link(log, log + ".kept") == 0)
            try database.close()
            #expect(unsafe rename(log + ".kept", log) == 0)
            #expect(unsafe chmod(log, 0o777) == 0)
            let again = try FileDatabase.open(path)
            #expect(mode(log) == rights)
            try again.close()
        }
        #expect(try names() == ["my.db"])
    }

    @Test func aSymbolicLinkIsFollowedOnce() throws {
        let link = folder.file("link.db")
        #expect(unsafe symlink("my.db", link) == 0)
        // Nothing is created through a link that leads nowhere.
        #expect(openCode(link) == .fileNotFound)
        #expect(try names() == ["link.db"])
        let database = try FileDatabase.open(path)
        #expect(openCode(link) == .locked)
        try database.close()
        let linked = try FileDatabase.open(link)
        try linked.put("k", "v")
        #expect(try names() == ["link.db", "my.db", "my.db-wal"])
        #expect(openCode(path) == .locked)
        try linked.close()
        #expect(unsafe symlink("circle", folder.file("circle")) == 0)
        #expect(openCode(folder.file("circle")) == .ambiguousName)
    }

    @Test func aDatabaseWithTwoNamesIsOnlyRead() throws {
        try FileDatabase.open(path).close()
        let other = folder.file("other.db")
        #expect(unsafe link(path, other) == 0)
        #expect(openCode(path) == .ambiguousName)
        #expect(openCode(other) == .ambiguousName)
        #expect(openCode(other, readOnly: true) == nil)
        #expect(unsafe unlink(path) == 0)
        #expect(openCode(other) == nil)
    }

    /// Where a rename is a link and a removal, a crash in between leaves the draft's name.
    @Test func aDraftsNameThatIsLeftIsRemoved() throws {
        try FileDatabase.open(path).close()
        #expect(unsafe link(path, path + "-new") == 0)
        #expect(openCode(path) == nil)
        #expect(try names() == ["my.db"])
    }

    @Test func sideFilesAreNeverOpenedThroughLinks() throws {
        let victim = folder.file("victim")
        try Data(count: 4096).write(to: URL(filePath: victim))
        let before = try Data(contentsOf: URL(filePath: victim))
        #expect(unsafe symlink(victim, path + "-new") == 0)
        #expect(openCode(path) == .ambiguousName)
        #expect(unsafe unlink(path + "-new") == 0)
        #expect(unsafe link(victim, path + "-new") == 0)
        #expect(openCode(path) == .ambiguousName)
        #expect(unsafe unlink(path + "-new") == 0)
        try FileDatabase.open(path).close()
        #expect(unsafe symlink(victim, log) == 0)
        #expect(openCode(path) == .ambiguousName)
        #expect(unsafe unlink(log) == 0)
        #expect(unsafe link(victim, log) == 0)
        #expect(openCode(path) == .ambiguousName)
        #expect(try Data(contentsOf: URL(filePath: victim)) == before)
        #expect(unsafe unlink(log) == 0)
        #expect(openCode(path) == nil)
    }

    @Test func aFileWithContentIsNoDraft() throws {
        let text = Data(repeating: 65, count: 10_000)
        try text.write(to: URL(filePath: path + "-new"))
        #expect(openCode(path) == .fileExists)
        #expect(try Data(contentsOf: URL(filePath: path + "-new")) == text)
    }

    @Test func aRenamedDatabaseGoesOnAndTakesItsLogAlong() throws {
        let database = try FileDatabase.open(path)
        try database.put("k", "before")
        let other = folder.file("other.db")
        #expect(unsafe rename(path, other) == 0)
        try database.put("k", "after")
        // Beside the old name stands its log, so no new database can come between.
        #expect(openCode(path) == .fileExists)
        try database.close()
        #expect(try names() == ["other.db"])
        #expect(try FileDatabase.open(other).get("k") == Array("after".utf8))
    }

    @Test func anotherDatabasesLogIsNotRemoved() throws {
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        #expect(unsafe rename(path, folder.file("other.db")) == 0)
        #expect(unsafe rename(log, folder.file("other.db-wal")) == 0)
        let second = try FileDatabase.open(path)
        try second.put("second", "v")
        try database.close()
        #expect(try names() == ["my.db", "my.db-wal", "other.db", "other.db-wal"])
        try second.close()
        #expect(try FileDatabase.open(path).get("second") != nil)
        #expect(try FileDatabase.open(folder.file("other.db")).get("k") != nil)
    }

    /// What is committed to a file that has no name any more would be gone with the handle.
    @Test func aRemovedDatabaseIsNoticedAndItsLogKept() throws {
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        #expect(unsafe unlink(path) == 0)
        #expect(code { () throws(StorageError) in try database.checkpoint() } == .ambiguousName)
        #expect(code { () throws(StorageError) in try database.put("k", "w") } == .poisoned)
        #expect(try database.get("k") == Array("v".utf8))
        #expect(code { () throws(StorageError) in try database.close() } == .ambiguousName)
        #expect(try names() == ["my.db-wal"])
    }

    /// The same before the first commit: no log may come to stand beside what is there now.
    @Test(arguments: ["removed", "renamed", "replaced"])
    func aDatabaseThatIsNotInPlaceGetsNoLog(how: String) throws {
        let database = try FileDatabase.open(path)
        switch how {
        case "removed": #expect(unsafe unlink(path) == 0)
        case "renamed": #expect(unsafe rename(path, folder.file("other.db")) == 0)
        default:
            try FileManager.default.copyItem(atPath: path, toPath: folder.file("copy"))
            #expect(unsafe rename(folder.file("copy"), path) == 0)
        }
        #expect(code { () throws(StorageError) in try database.put("k", "v") } == .ambiguousName)
        #expect(database.poison == nil)
        if how != "removed" {
            let second = try FileDatabase.open(path)
            try second.put("k", "second")
            #expect(
                code { () throws(StorageError) in try database.put("k", "v") } == .ambiguousName)
            try second.close()
        }
        try database.close()
        let left = ["removed": [], "renamed": ["my.db", "other.db"], "replaced": ["my.db"]]
        #expect(try names() == left[how])
    }

    /// A copy put in an open database's place is the same database by all its marks; the log's lock
    /// keeps its opener from the log that the first handle writes.
    @Test func aCopyInAnOpenDatabasesPlaceCannotUseItsLog() throws {
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        let copy = folder.file("copy")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        #expect(unsafe rename(copy, path) == 0)
        #expect(openCode(path) == .locked)
        #expect(code { () throws(StorageError) in try database.close() } == .ambiguousName)
        // The log was kept, and brings the copy up to date.
        #expect(try FileDatabase.open(path).get("k") == Array("v".utf8))
    }

    /// From the first commit on a log that is missing is missed.
    @Test(arguments: [false, true]) func aLogThatIsDeletedIsMissedAtOnce(isReopened: Bool) throws {
        if isReopened { try FileDatabase.open(path).close() }
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        // The files as a killed process would leave them.
        let left = folder.file("left.db")
        try FileManager.default.copyItem(atPath: path, toPath: left)
        #expect(openCode(left) == .damaged)
        #expect(openCode(left, readOnly: true) == .damaged)
        try FileManager.default.copyItem(atPath: log, toPath: FileDatabase.logPath(of: left))
        #expect(try FileDatabase.open(left).get("k") != nil)
        try database.close()
        #expect(openCode(path) == nil)
    }

    @Test func anotherDescriptorsCloseTakesNoLockAway() throws {
        let database = try FileDatabase.open(path)
        let foreign = unsafe open(path, O_RDWR)
        #expect(close(foreign) == 0)
        #expect(openCode(path) == .locked)
        try database.close()
    }

    /// A process that is just being started has copies of all descriptors for a moment.
    @Test func aCopyOfTheDescriptorDoesNotKeepTheLock() throws {
        #if os(Linux)
            let database = try FileDatabase.open(path)
            let copies = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .compactMap { Int32($0) }
                .filter { number in
                    let target = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/self/fd/\(number)")
                    return target == path
                }
                .map { dup($0) }
            #expect(copies.count == 1)
            try database.close()
            #expect(openCode(path) == nil)
            for copy in copies { #expect(close(copy) == 0) }
        #endif
    }

    @Test func filesThatMayOnlyBeReadAreReadWithoutSideFiles() throws {
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        let left = folder.file("left.db")
        for name in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: path + name, toPath: left + name)
        }
        try database.close()
        let before = try Data(contentsOf: URL(filePath: left + "-wal"))
        var options = DatabaseOptions()
        options.access = .readOnly
        let read = try FileDatabase.open(left, options: options)
        #expect(try read.get("k") == Array("v".utf8))
        #expect(code { () throws(StorageError) in try read.put("k", "w") } == .readOnly)
        try read.close()
        #expect(try Data(contentsOf: URL(filePath: left + "-wal")) == before)
        #expect(try names() == ["left.db", "left.db-wal", "my.db"])
    }
}
