import CSystemFaults
import Foundation
import StorageIO
import StorageIOTesting
import Testing

/// Every system call may be interrupted by a signal, and a read or write may move less than it was
/// asked to; neither is an error.
@Suite(.serialized) struct InterruptionTests {
    @Test(
        .enabled(if: csf_available() != 0, "system calls fail on Linux only"),
        arguments: [(true, false), (false, true), (true, true)])
    func interruptedAndShortCallsGoOn(interrupts: Bool, shortens: Bool) throws {
        let directory = try TemporaryDirectory()
        unsafe csf_begin(directory.path)
        defer { csf_end() }
        csf_disturb(interrupts ? 1 : 0, shortens ? 1 : 0, 1)
        let files = POSIXFileSystem()
        let path = directory.file("a")
        let file = try files.open(path, .create)
        try file.lock(exclusive: true)
        try file.preallocate(8192, at: 0)
        let bytes = [UInt8](repeating: 7, count: 5000)
        try file.writeBytes(bytes, at: 100)
        try file.sync()
        try files.syncDirectory(of: path)
        #expect(try file.readBytes(5000, at: 100) == bytes)
        try file.truncate(to: 200)
        #expect(try file.size() == 200)
        file.close()
        try files.rename(path, to: directory.file("b"), replacing: false)
        try files.remove(directory.file("b"))
        #expect(csf_disturbances() > 3)
    }

    /// What a filter of system calls or a file system in user space refuses is done another way.
    @Test(
        .enabled(if: csf_available() != 0, "system calls fail on Linux only"),
        arguments: [ENOSYS, EPERM, EOPNOTSUPP, EINVAL], [false, true])
    func refusedCallsHaveAnotherWay(error: Int32, refusesLinks: Bool) throws {
        let directory = try TemporaryDirectory()
        let files = POSIXFileSystem()
        let (first, second) = (directory.file("a"), directory.file("b"))
        for path in [first, second] { try files.open(path, .create).close() }
        unsafe csf_begin(directory.path)
        defer { csf_end() }
        csf_fail(Int32(CSF_RENAME), 1, error, 0, 0)
        if refusesLinks { csf_fail(Int32(CSF_LINK), 1, error == EINVAL ? EACCES : error, 1, 0) }
        csf_fail(Int32(CSF_ALLOCATE), 1, error, 1, 0)
        #expect(
            errorCode { try files.rename(first, to: second, replacing: false) } == .fileExists)
        try files.remove(second)
        csf_clear()
        csf_fail(Int32(CSF_RENAME), 1, error, 0, 0)
        if refusesLinks { csf_fail(Int32(CSF_LINK), 1, error == EINVAL ? EACCES : error, 1, 0) }
        csf_fail(Int32(CSF_ALLOCATE), 1, error, 1, 0)
        try files.rename(first, to: second, replacing: false)
        #expect(try !files.exists(first))
        let file = try files.open(second, .readWrite)
        defer { file.close() }
        try file.preallocate(8192, at: 0)
        #expect(try file.size() == 8192)
    }

    /// The directory that a path is in is the one that is synced; a relative path's is the current one.
    /// (Here because one plan for failing calls serves the whole process.)
    @Test(.enabled(if: csf_available() != 0, "system calls are counted on Linux only"))
    func syncingADirectorySyncsTheOneOfThePath() throws {
        let directory = try TemporaryDirectory()
        let files = POSIXFileSystem()
        func syncs(_ path: String, counting names: [String]) throws -> Int {
            var count = 0
            for name in names {
                unsafe csf_begin(name)
                defer { csf_end() }
                try files.syncDirectory(of: path)
                count += (0..<csf_count()).count { Int(csf_get($0).kind) == CSF_SYNC_DIRECTORY }
            }
            return count
        }
        let path = directory.file("anything")
        #expect(try syncs(path, counting: [directory.path]) == 1)
        // By whatever name the current one is opened.
        let current = FileManager.default.currentDirectoryPath
        #expect(try syncs("anything", counting: [".", current]) == 1)
        unsafe csf_begin(directory.path)
        defer { csf_end() }
        csf_fail(Int32(CSF_SYNC_DIRECTORY), 1, EIO, 0, 0)
        #expect(errorCode { try files.syncDirectory(of: path) } == .inputOutput)
    }
}
