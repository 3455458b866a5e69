@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// One path, resolved once, and everything goes by it ("Files and names" in Docs/Guarantees.md).
@Suite struct DatabaseFilesTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func make(_ name: String) throws -> String {
        let path = folder.file(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func error(_ body: () throws(StorageError) -> Void) -> StorageError? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Leaves a database in `directory` as a killed process does: with `count` commits that only the
    /// log has.
    private func leave(_ name: String, in directory: String, count: Int) throws {
        let database = try FileDatabase.open(folder.file("source.db"))
        for number in 0..<count { try database.put("key \(number)", "value") }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.file("source.db" + suffix), toPath: "\(directory)/\(name)\(suffix)")
        }
        try database.close()
    }

    // MARK: Resolving

    @Test func namesAreAbsoluteAndWithoutLinks() throws {
        let data = try make("data")
        try Data().write(to: URL(filePath: data + "/r.db"))
        #expect(unsafe symlink("data/r.db", folder.file("l.db")) == 0)
        #expect(unsafe symlink("data", folder.file("d")) == 0)
        #expect(unsafe symlink("nowhere", folder.file("dangling")) == 0)
        for given in ["l.db", "d/r.db", "d/../data/./r.db", "data//r.db"] {
            let names = try DatabaseFiles(folder.file(given))
            #expect(names.all == [data + "/r.db", data + "/r.db-wal", data + "/r.db-new"])
            #expect(names.given == folder.file(given))
        }
        // A name that is free has a place too.
        #expect(try DatabaseFiles(folder.file("d/new.db")).log == data + "/new.db-wal")
        #expect(try DatabaseFiles("/kvdb-not-there").data == "/kvdb-not-there")
        for given in ["dangling", "missing/x.db"] {
            let failed = error { () throws(StorageError) in
                _ = try DatabaseFiles(folder.file(given))
            }
            #expect(failed?.code == .fileNotFound, "\(given)")
        }
    }

    @Test func aMissingDirectoryIsNamedAndNoNameOfOurs() throws {
        let path = folder.file("missing/x.db")
        let failures = [
            error { () throws(StorageError) in _ = try FileDatabase.open(path) },
            error { () throws(StorageError) in _ = try FileDatabase.verifyFile(path) },
            error { () throws(StorageError) in try POSIXFileSystem().open(path, .create).close() },
        ]
        for failed in failures {
            #expect(failed?.code == .fileNotFound && failed?.path == path)
            #expect(failed?.message.contains(folder.file("missing")) == true)
        }
    }

    /// The draft's name stands in an error only where there is something to look at.
    @Test(.enabled(if: ApartThread.canChangeUser, "this process may not become another user"))
    func whatCannotBeCreatedIsNamedAsTheCallerNamedIt() throws {
        let path = folder.file("x.db")
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        try ApartThread.run(.user(2001)) { [self] in
            let failed = error { () throws(StorageError) in _ = try FileDatabase.open(path) }
            #expect(failed?.code == .permissionDenied && failed?.path == path)
        }
        try Data(count: 100_000).write(to: URL(filePath: path + "-new"))
        let failed = error { () throws(StorageError) in _ = try FileDatabase.open(path) }
        #expect(failed?.code == .fileExists && failed?.path == path + "-new")
    }

    @Test(.enabled(if: ApartThread.isPossible, "a thread can't have its own directory here"))
    func aPathThatIsOnlyReachedFromHereStaysAsItIs() throws {
        guard ApartThread.canChangeUser else { return }
        let inner = try make("closed/inner")
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        #expect(unsafe chmod(inner, 0o777) == 0)
        #expect(unsafe chmod(folder.file("closed"), 0o700) == 0)
        try ApartThread.run(.directory) {
            #expect(unsafe chdir(inner) == 0)
            try ApartThread.run(.directory, .user(2001)) {
                #expect(try DatabaseFiles("x.db").data == "x.db")
                let database = try FileDatabase.open("x.db")
                try database.put("k", "v")
                try database.close()
            }
            #expect(try DatabaseFiles("x.db").data == inner + "/x.db")
        }
    }

    // MARK: Another directory after opening

    @Test(
        .enabled(if: ApartThread.isPossible, "a thread can't have its own directory here"),
        arguments: [false, true], [false, true])
    func theProcessMayChangeItsDirectory(hasCommitted: Bool, isAnotherThere: Bool) throws {
        let (first, second) = (try make("a"), try make("b"))
        try ApartThread.run(.directory) {
            if isAnotherThere {
                // One of the same name, with a log that must not be touched.
                try leave("x.db", in: second, count: 3)
            }
            let other = URL(filePath: second + "/x.db")
            let before = isAnotherThere ? try Data(contentsOf: other) : nil
            #expect(unsafe chdir(first) == 0)
            let database = try FileDatabase.open("x.db")
            if hasCommitted { try database.put("k", "1") }
            #expect(unsafe chdir(second) == 0)
            try database.put("k", "2")
            let report = try database.verify()
            #expect(report.isSound && report.logRecords == (hasCommitted ? 2 : 1))
            try database.checkpoint()
            try database.put("k", "3")
            #expect(database.path == first + "/x.db")
            try database.close()
            #expect(try FileManager.default.contentsOfDirectory(atPath: first) == ["x.db"])
            if let before {
                let after = try Data(contentsOf: other)
                #expect(after == before)
                #expect(try FileManager.default.contentsOfDirectory(atPath: second).count == 2)
                let opened = try FileDatabase.open("x.db")
                #expect(try opened.count() == 3)
                try opened.close()
            }
            let again = try FileDatabase.open("../a/x.db")
            #expect(try again.get("k") == Array("3".utf8))
            try again.close()
        }
    }

    // MARK: Links

    @Test func verificationAndSalvageFindTheLogBesideTheFile() throws {
        try leave("r.db", in: try make("data"), count: 100)
        let link = folder.file("l.db")
        #expect(unsafe symlink("data/r.db", link) == 0)
        let report = try FileDatabase.verifyFile(link)
        #expect(report.isSound && report.logRecords == 100)
        let salvaged = try FileDatabase.salvage(from: link, to: folder.file("new.db"))
        #expect(salvaged.isComplete && salvaged.entryCount == 100)
        // Nor is one that happens to stand beside the link taken for its own.
        try leave("l.db", in: try make("elsewhere"), count: 1)
        try FileManager.default.moveItem(
            atPath: folder.file("elsewhere/l.db-wal"), toPath: link + "-wal")
        #expect(try FileDatabase.verifyFile(link).isSound)
    }

    @Test func aSalvageNeverTakesANameOfItsSource() throws {
        let path = folder.file("q.db")
        let database = try FileDatabase.open(path)
        try database.put("k", "v")
        try database.close()
        let before = try Data(contentsOf: URL(filePath: path))
        #expect(unsafe symlink(".", folder.file("here")) == 0)
        #expect(unsafe symlink("q.db", folder.file("link")) == 0)
        for target in [
            "q.db", "q.db-wal", "q.db-new", "./q.db-wal", "here/q.db-wal", "here/./q.db-new",
            "link",
        ] {
            let failed = error { () throws(StorageError) in
                try FileDatabase.salvage(from: path, to: folder.path + "/" + target)
            }
            #expect(failed?.code == .invalidArgument, "\(target): \(String(describing: failed))")
        }
        // Its own log would have the source's name.
        try FileManager.default.moveItem(atPath: path, toPath: folder.file("z-wal"))
        let failed = error { () throws(StorageError) in
            try FileDatabase.salvage(from: folder.file("z-wal"), to: folder.file("here/z"))
        }
        #expect(failed?.code == .invalidArgument)
        #expect(try folder.names() == ["here", "link", "z-wal"])
        #expect(try Data(contentsOf: URL(filePath: folder.file("z-wal"))) == before)
    }

    // MARK: Conflicts

    @Test func whatWouldTakeADatabasesPlaceIsFound() throws {
        let path = folder.file("my.db")
        try FileDatabase.open(path).close()
        let names = try DatabaseFiles(path)
        #expect(unsafe symlink(".", folder.file("here")) == 0)
        #expect(unsafe symlink("my.db", folder.file("link")) == 0)
        #expect(unsafe link(path, folder.file("second name")) == 0)
        let conflicts = [
            "my.db": "my.db", "link": "my.db", "second name": "my.db", "here/my.db": "my.db",
            // Free names count.
            "my.db-wal": "my.db-wal", "here/./my.db-new": "my.db-new",
        ]
        for (target, name) in conflicts {
            #expect(try names.conflict(with: folder.file(target)) == folder.file(name), "\(target)")
        }
        try Data().write(to: URL(filePath: folder.file("other.db")))
        for target in ["other.db", "my.db-wal2", "my.d", "here/free"] {
            #expect(try names.conflict(with: folder.file(target)) == nil, "\(target)")
        }
        // The same over names alone.
        let files = InMemoryFileSystem()
        let inMemory = try DatabaseFiles("a.db", on: files)
        #expect(try inMemory.conflict(with: "a.db-wal", on: files) == "a.db-wal")
        #expect(try inMemory.conflict(with: "a.db-w", on: files) == nil)
    }
}
