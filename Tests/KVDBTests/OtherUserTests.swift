@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// Where several users write into one directory, as in /tmp: nobody else's file becomes a part of a
/// database.
@Suite(.enabled(if: ApartThread.canChangeUser, "this process may not become another user"))
struct OtherUserTests {
    private static let (owner, other) = (2001, 2002)
    private let folder: TemporaryDirectory
    private let path: String
    private var log: String { FileDatabase.logPath(of: path) }

    /// A directory that everybody may write into, with a database of the owner's.
    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("my.db")
        try #require(unsafe chmod(folder.path, 0o1777) == 0)
        try asOwner { path throws in
            let database = try FileDatabase.open(path)
            try database.put("k", "v")
            try database.close()
        }
    }

    private func asOwner(_ body: @escaping @Sendable (String) throws -> Void) throws {
        let path = path
        try ApartThread.run(.user(Self.owner)) { try body(path) }
    }

    private static func error(_ body: () throws(StorageError) -> Void) -> StorageError? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// A file with `bytes` that belongs to `user`.
    private func plant(
        _ bytes: [UInt8], at path: String, of user: Int, mode: mode_t = 0o666
    ) throws {
        try Data(bytes).write(to: URL(filePath: path))
        try #require(unsafe chown(path, uid_t(user), gid_t(user)) == 0)
        try #require(unsafe chmod(path, mode) == 0)
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// What opening to write, opening to read, verifying and salvaging say.
    private static func refusals(_ path: String, _ target: String) -> [StorageError.Code?] {
        var readOnly = DatabaseOptions()
        readOnly.access = .readOnly
        return [
            error { () throws(StorageError) in try FileDatabase.open(path).close() },
            error { () throws(StorageError) in
                try FileDatabase.open(path, options: readOnly).close()
            },
            error { () throws(StorageError) in _ = try FileDatabase.verifyFile(path) },
            error { () throws(StorageError) in try FileDatabase.salvage(from: path, to: target) },
        ].map { $0?.code }
    }

    @Test func anEmptyFileOfAnotherUsersBecomesNoLog() throws {
        try plant([], at: log, of: Self.other)
        let target = folder.file("new.db")
        let refused: [StorageError.Code?] = Array(repeating: .permissionDenied, count: 4)
        try asOwner { #expect(Self.refusals($0, target) == refused) }
        // Neither the user nor root, who could write to it.
        #expect(Self.refusals(path, target) == refused)
        #expect(try bytes(log).isEmpty)
        #expect(try folder.names() == ["my.db", "my.db-wal"])
    }

    /// One that comes between the open and the first commit, which creates the log.
    @Test func aFileThatComesLaterBecomesNoLog() throws {
        let (opened, planted) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        try inParallel(2) { number in
            guard number == 0 else {
                opened.wait()
                defer { planted.signal() }
                return try plant([], at: log, of: Self.other)
            }
            try asOwner { path in
                defer { opened.signal() }
                let database = try FileDatabase.open(path)
                opened.signal()
                planted.wait()
                let failed = Self.error { () throws(StorageError) in
                    try database.put("secret", "secret")
                }
                #expect(failed?.code == .permissionDenied)
                _ = Self.error { () throws(StorageError) in try database.close() }
            }
        }
        #expect(try bytes(log).isEmpty)
    }

    /// A log that has commits, as a crash leaves it, in the hands of another user: he can have changed
    /// them.
    @Test func aLogThatAnotherUserHasIsNotReplayed() throws {
        try leaveLog()
        try #require(unsafe chown(log, uid_t(Self.other), gid_t(Self.other)) == 0)
        try #require(unsafe chmod(log, 0o666) == 0)
        let (before, target) = (try bytes(log), folder.file("new.db"))
        let refused: [StorageError.Code?] = Array(repeating: .permissionDenied, count: 4)
        try asOwner { #expect(Self.refusals($0, target) == refused) }
        #expect(Self.refusals(path, target) == refused)
        #expect(try bytes(log) == before)
        // The advice of the message.
        try #require(unsafe chown(log, uid_t(Self.owner), gid_t(Self.owner)) == 0)
        try asOwner { path in
            let database = try FileDatabase.open(path)
            #expect(try database.get("logged") != nil)
            try database.close()
        }
    }

    /// Makes a log with one commit beside the database, the owner's.
    private func leaveLog() throws {
        let kept = folder.file("kept")
        try asOwner { path in
            let database = try FileDatabase.open(path)
            try database.put("logged", "v")
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: kept + suffix)
            }
            try database.close()
        }
        for suffix in ["", "-wal"] {
            #expect(unsafe rename(kept + suffix, path + suffix) == 0)
        }
    }

    /// The owner's and root's files are the database's own; each user's log is narrowed to the data
    /// file's rights.
    @Test(arguments: [0, owner]) func aLogOfTheOwnersOrOfRootsIsTaken(user: Int) throws {
        try leaveLog()
        try #require(unsafe chown(log, uid_t(user), gid_t(user)) == 0)
        try #require(unsafe chmod(log, 0o666) == 0)
        let database = try FileDatabase.open(path)
        #expect(mode(log) == 0o600)
        #expect(try database.get("logged") != nil)
        try database.put("k", "w")
        try database.close()
        #expect(try folder.names() == ["my.db"])
        try asOwner { path in
            let report = try FileDatabase.verifyFile(path)
            #expect(report.isSound)
        }
    }

    /// Somebody who may write the database but does not own it can't narrow its owner's log.
    @Test func aLogThatStaysOpenToMoreThanTheDatabaseIsRefused() throws {
        try #require(unsafe chmod(path, 0o660) == 0)
        try #require(unsafe chown(path, uid_t(Self.owner), gid_t(Self.other)) == 0)
        try plant([], at: log, of: Self.owner)
        try #require(unsafe chown(log, uid_t(Self.owner), gid_t(Self.other)) == 0)
        let path = path
        func put() throws -> StorageError.Code? {
            let code = Locked<StorageError.Code?>(nil)
            try ApartThread.run(.user(Self.other)) {
                code.value =
                    Self.error { () throws(StorageError) in
                        let database = try FileDatabase.open(path)
                        try database.put("secret", "secret")
                        try database.close()
                    }?.code
            }
            return code.value
        }
        #expect(try put() == .permissionDenied)
        #expect(try bytes(log).isEmpty)
        try #require(unsafe chmod(log, 0o660) == 0)
        // Or only the owner could remove it.
        try #require(unsafe chmod(folder.path, 0o777) == 0)
        #expect(try put() == nil)
    }

    @Test func anotherUsersDraftIsNotWrittenTo() throws {
        let target = folder.file("new.db")
        try plant([], at: target + "-new", of: Self.other)
        let create: @Sendable () -> StorageError? = {
            Self.error { () throws(StorageError) in try FileDatabase.open(target).close() }
        }
        #expect(create()?.code == .permissionDenied)
        try asOwner { _ in
            let failed = create()
            #expect(failed?.code == .permissionDenied)
            // Here the name is the news.
            #expect(failed?.path == target + "-new")
        }
        #expect(try bytes(target + "-new").isEmpty)
    }

    /// What the rights keep from being read says nothing about what is in it.
    @Test func aLogThatMayNotBeReadIsNoDamage() throws {
        try leaveLog()
        try #require(unsafe chmod(log, 0) == 0)
        let target = folder.file("new.db")
        let refused: [StorageError.Code?] = Array(repeating: .permissionDenied, count: 4)
        try asOwner { #expect(Self.refusals($0, target) == refused) }
        #expect(try folder.names() == ["my.db", "my.db-wal"])
        try #require(unsafe chmod(log, 0o600) == 0)
        try asOwner { path in
            let report = try FileDatabase.verifyFile(path)
            let salvaged = try FileDatabase.salvage(from: path, to: target)
            #expect(report.logRecords == 1 && salvaged.isComplete)
        }
    }
}

/// A value that a thread leaves for another, which joins it first.
private final class Locked<Value: Sendable>: @unchecked Sendable {
    // Sendable: written before the thread ends, read after it was joined.
    var value: Value
    init(_ value: Value) { self.value = value }
}
