import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// A log notices when its name does not lead to its file any more, and a closed log is closed.
@Suite struct LogNameTests {
    enum Change: CaseIterable {
        case removed, renamed, replaced
    }

    private func code(_ body: () throws(StorageError) -> Void) -> StorageError.Code? {
        do throws(StorageError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    private func makeLog(
        _ folder: TemporaryDirectory, checksName: Bool = true
    ) throws -> WriteAheadLog<POSIXFileSystem> {
        var options = smallSegments()
        options.checksName = checksName
        let log = try WriteAheadLog.open(
            files: POSIXFileSystem(), path: folder.file("log"), identity: testIdentity,
            options: options
        ) { _ in }
        try log.commit(Entry(1, size: 100))
        return log
    }

    private func change(_ change: Change, _ folder: TemporaryDirectory) throws {
        let files = POSIXFileSystem()
        let path = folder.file("log")
        if change == .removed { return try files.remove(path) }
        try files.rename(path, to: folder.file("other"), replacing: false)
        if change == .replaced { try files.open(path, .createNew).close() }
    }

    @Test(arguments: Change.allCases) func aSyncNoticesALostName(how: Change) throws {
        let folder = try TemporaryDirectory()
        let log = try makeLog(folder)
        try change(how, folder)
        let end = try log.append(Entry(2, size: 100))
        #expect(code { () throws(StorageError) in try log.sync(through: end) } == .poisoned)
        #expect(log.poison?.code == .ambiguousName)
        #expect(log.durable < end, "nothing was promised")
        #expect(code { () throws(StorageError) in try log.append(Entry(3, size: 1)) } == .poisoned)
        #expect(code { () throws(StorageError) in try log.close(removing: false) } == .poisoned)
    }

    @Test(arguments: Change.allCases) func aNewSegmentNoticesALostName(how: Change) throws {
        let folder = try TemporaryDirectory()
        let log = try makeLog(folder)
        try change(how, folder)
        let error = code { () throws(StorageError) in try log.append(Entry(2, size: 10_000)) }
        #expect(error == .ambiguousName)
        #expect(log.poison?.code == .ambiguousName)
    }

    @Test(arguments: Change.allCases) func closingNoticesALostName(how: Change) throws {
        let folder = try TemporaryDirectory()
        let log = try makeLog(folder)
        try change(how, folder)
        let error = code { () throws(StorageError) in try log.close(removing: false) }
        #expect(error == .ambiguousName)
        // Closed all the same.
        try log.close(removing: false)
        #expect(code { () throws(StorageError) in try log.append(Entry(3, size: 1)) } == .closed)
    }

    /// A log whose content is elsewhere may already have been removed by another process.
    @Test func removingALogThatIsGone() throws {
        for how in Change.allCases {
            let folder = try TemporaryDirectory()
            let log = try makeLog(folder)
            try change(how, folder)
            try log.close(removing: true)
            let files = POSIXFileSystem()
            #expect(try files.exists(folder.file("log")) == (how == .replaced))
        }
    }

    @Test func theCheckCanBeTurnedOff() throws {
        let folder = try TemporaryDirectory()
        let log = try makeLog(folder, checksName: false)
        try change(.removed, folder)
        try log.commit(Entry(2, size: 10_000))
        try log.close(removing: false)
    }

    @Test func aClosedLogRefusesEveryCall() throws {
        let files = InMemoryFileSystem()
        let log = try openLog(files).log
        let end = try log.commit(Entry(1, size: 100))
        let buffered = try log.append(Entry(2, size: 100))
        try log.close(removing: false)
        #expect(log.durable == buffered)
        #expect(code { () throws(StorageError) in try log.start() } == .closed)
        #expect(code { () throws(StorageError) in try log.append(Entry(3, size: 1)) } == .closed)
        #expect(code { () throws(StorageError) in try log.reserve(1) } == .closed)
        #expect(code { () throws(StorageError) in try log.recycle(before: end) } == .closed)
        #expect(code { () throws(StorageError) in try log.sync(through: .max) } == .closed)
        #expect(code { () throws(StorageError) in try log.write(through: .max) } == .closed)
        // What is durable is durable.
        #expect(code { () throws(StorageError) in try log.sync(through: buffered) } == nil)
        let reader = try LogReader(files: files, path: logPath)
        reader.close()
        #expect(code { () throws(StorageError) in try reader.refresh() } == .closed)
        #expect(
            code { () throws(StorageError) in try reader.forEachRecord { _ in } } == .closed)
        let null = NullLog()
        try null.close(removing: false)
        #expect(code { () throws(StorageError) in try null.recycle(before: 1) } == .closed)
        let readOnly = try openLog(files, readOnly: true).log
        #expect(code { () throws(StorageError) in try readOnly.recycle(before: end) } == .readOnly)
    }
}
