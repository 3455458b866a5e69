@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Synchronization
import Testing
import WAL

@_spi(Engine) @testable import KVDB

/// Two processes that create one database at the same time.
@Suite struct CreationRaceTests {
    /// Lets a test step in between the opening of a file and its lock.
    final class SteppingFile: File {
        let base: InMemoryFile
        let beforeLock: @Sendable (String) -> Void
        init(_ base: InMemoryFile, _ beforeLock: @escaping @Sendable (String) -> Void) {
            self.base = base
            self.beforeLock = beforeLock
        }
        var path: String { base.path }
        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
        ) throws(StorageError) -> Int { try unsafe base.read(into: buffer, at: offset) }
        func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
            try unsafe base.write(buffer, at: offset)
        }
        func sync() throws(StorageError) { try base.sync() }
        func size() throws(StorageError) -> UInt64 { try base.size() }
        func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }
        func preallocate(_ count: UInt64, at offset: UInt64) throws(StorageError) {
            try base.preallocate(count, at: offset)
        }
        func lock(exclusive: Bool) throws(StorageError) {
            beforeLock(path)
            try base.lock(exclusive: exclusive)
        }
        func close() { base.close() }
    }

    struct SteppingFileSystem: FileSystem {
        let base: InMemoryFileSystem
        let beforeLock: @Sendable (String) -> Void
        var afterExists: @Sendable (String) -> Void = { _ in }
        func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> SteppingFile {
            SteppingFile(try base.open(path, mode), beforeLock)
        }
        func exists(_ path: String) throws(StorageError) -> Bool {
            defer { afterExists(path) }
            return try base.exists(path)
        }
        func remove(_ path: String) throws(StorageError) { try base.remove(path) }
        func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
            try base.rename(from, to: to, replacing: replacing)
        }
        func syncDirectory(of path: String) throws(StorageError) {
            try base.syncDirectory(of: path)
        }
    }

    @Test func theSlowerCreatorDoesNotEmptyTheDatabaseOfTheFaster() throws {
        let files = InMemoryFileSystem()
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.checkpointPolicy = .manual
        let hasStepped = Atomic(false)
        let stepping = SteppingFileSystem(base: files) { [options] path in
            guard path.hasSuffix("-new"), !hasStepped.exchange(true, ordering: .relaxed) else {
                return
            }
            // The draft is open but not locked; another process creates, writes and closes now.
            do {
                let faster = try DatabaseEngine.open("a.db", files: files, options: options)
                try faster.put("precious", "data")
                try faster.close()
            } catch {
                Issue.record("\(error)")
            }
        }
        let slower = try DatabaseEngine.open("a.db", files: stepping, options: options)
        let didStep = hasStepped.load(ordering: .relaxed)
        #expect(didStep)
        #expect(try slower.get("precious") == Array("data".utf8))
        try slower.close()
    }

    @Test func theLogOfAFasterCreatorIsNotTakenForALostDatabasesLog() throws {
        let files = InMemoryFileSystem()
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.checkpointPolicy = .manual
        let hasStepped = Atomic(false)
        var stepping = SteppingFileSystem(base: files) { _ in }
        stepping.afterExists = { [options] path in
            guard path == "a.db", !hasStepped.exchange(true, ordering: .relaxed) else { return }
            // The database was looked for and not found; another process creates it now, and goes
            // without closing it, so that its log stays.
            do {
                let draft = try files.open("a.db-other", .createNew)
                _ = try FilePageStore<InMemoryFile>.create(
                    on: draft, options: PageStoreOptions(sizeLimit: options.sizeLimit),
                    check: { _ in nil })
                draft.close()
                try files.rename("a.db-other", to: "a.db", replacing: false)
                try files.open("a.db-wal", .createNew).close()
            } catch {
                Issue.record("\(error)")
            }
        }
        let slower = try DatabaseEngine.open("a.db", files: stepping, options: options)
        try slower.put("a", "1")
        let didStep = hasStepped.load(ordering: .relaxed)
        #expect(didStep)
        try slower.close()
    }

    @Test func creatingReservesNoMoreThanTheOptionsSay() throws {
        // 16 pages; the rest of the address space is not asked for.
        let files = InMemoryFileSystem()
        var options = DatabaseOptions()
        options.sizeLimit = 1 << 16
        options.checkpointPolicy = .manual
        let database = try DatabaseEngine.open("a.db", files: files, options: options)
        try database.put("a", "1")
        try database.close()
    }
}
