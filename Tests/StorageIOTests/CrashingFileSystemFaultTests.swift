import StorageIO
import StorageIOTesting
import Testing

/// Operations that fail where a test wants it, and a disk that is full.
@Suite struct CrashingFileSystemFaultTests {
    /// A file with a durable name: operations 1 and 2.
    private static func file(_ fileSystem: CrashingFileSystem, _ name: String = "a") throws
        -> CrashingFile
    {
        let file = try fileSystem.open(name, .createNew)
        try fileSystem.syncDirectory(of: name)
        return file
    }

    @Test func theNthOperationFails() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.fail(operation: 4, with: .permissionDenied)
        try file.writeBytes([1])
        let error = storageError { try file.writeBytes([2]) }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message == "Injected fault at operation 4 (write).")
        try file.writeBytes([3])
        #expect(fileSystem.operationCount == 5)
        #expect(fileSystem.count(of: .write) == 3)
        #expect(fileSystem.count(of: [.open, .syncDirectory]) == 2)
    }

    @Test func faultsCanLastAndKeepToTheirKinds() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.fail(operation: 2, of: [.write, .truncate], with: .diskFull, forever: true)
        try file.writeBytes([1])
        #expect(errorCode { try file.truncate(to: 9) } == .diskFull)
        #expect(try file.readAll() == [1])
        try file.sync()
        #expect(errorCode { try file.writeBytes([1]) } == .diskFull)
        fileSystem.clearFaults()
        try file.truncate(to: 0)
        try file.writeBytes([2])
        #expect(try file.readAll() == [2])
    }

    @Test func aFailedWriteLeavesABeginning() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.fail(operation: 1, of: .write)
        #expect(errorCode { try file.writeBytes([1, 2, 3, 4, 5, 6, 7, 8]) } == .inputOutput)
        #expect([1, 2, 3, 4, 5, 6, 7, 8].starts(with: try file.readAll()))
    }

    @Test func fullDisksTakeWhatFits() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        let other = try Self.file(fileSystem, "b")
        fileSystem.capacity = 1_000
        try other.preallocate(600, at: 0)
        #expect(errorCode { try file.preallocate(401, at: 0) } == .diskFull)
        #expect(try file.size() == 0)
        let bytes = [UInt8](repeating: 1, count: 500)
        #expect(errorCode { try file.writeBytes(bytes) } == .diskFull)
        #expect(try file.size() == 400)
        // Overwriting needs no space.
        try other.writeBytes(bytes)
        #expect(errorCode { try file.truncate(to: 401) } == .diskFull)
        try fileSystem.remove("b")
        try file.writeBytes(bytes, at: 500)
        fileSystem.capacity = nil
        try file.truncate(to: 1_001)
    }

    @Test func faultsComeSeveralTimes() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.fail(operation: 2, of: .write, count: 2)
        let codes = (0..<4).map { _ in errorCode { try file.writeBytes([1]) } }
        #expect(codes == [nil, .inputOutput, .inputOutput, nil])
    }

    /// Calls that only look have no number, but can be counted and fail.
    @Test func looksAndLocksFail() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        let count = fileSystem.operationCount
        fileSystem.fail(operation: 2, of: .size)
        fileSystem.fail(operation: 1, of: .lock, with: .locked)
        fileSystem.fail(operation: 1, of: .exists, forever: true)
        #expect(try file.size() == 0)
        #expect(errorCode { _ = try file.size() } == .inputOutput)
        #expect(errorCode { try file.lock(exclusive: true) } == .locked)
        try file.lock(exclusive: true)
        for _ in 0..<2 { #expect(errorCode { _ = try fileSystem.exists("a") } == .inputOutput) }
        #expect(fileSystem.count(of: .looking) == 6)
        #expect(fileSystem.operationCount == count)
    }

    /// Linux keeps what a failed sync could not write in its cache, and calls it clean.
    @Test func aFailedSyncMayLoseWhatReadersStillSee() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        let old = [UInt8](repeating: 1, count: 4_096)
        let new = [UInt8](repeating: 2, count: 4_096)
        try file.writeBytes(old)
        try file.sync()
        fileSystem.failedSync = SyncFailure(.none, isCached: true)
        try file.writeBytes(new)
        try file.writeBytes(new, at: 4_096)
        fileSystem.fail(operation: 2, of: .sync)
        #expect(errorCode { try file.sync() } == .inputOutput)
        #expect(try file.readAll() == new + new)
        // A later sync is fine, and brings nothing back; what is written now comes with its sector.
        try file.writeBytes([3], at: 1)
        try file.sync()
        #expect(try file.readAll()[..<4] == [2, 3, 2, 2])
        let durable = [2, 3] + [UInt8](repeating: 2, count: 510) + old[512...]
        let zeros = [UInt8](repeating: 0, count: 4_096)
        let left = try fileSystem.survivors(.none).open("a", .readOnly).readAll()
        #expect(left == durable + zeros)
        fileSystem.evictCaches()
        #expect(try file.readAll() == durable + zeros)
    }

    @Test(arguments: ReadCorruption.allCases, [false, true])
    func readsGiveOtherBytes(_ corruption: ReadCorruption, _ forever: Bool) throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.corruptRead(2, corruption, forever: forever)
        for round: UInt8 in 1...2 {
            for page: UInt8 in 0..<4 {
                try file.writeBytes(
                    [UInt8](repeating: round * 16 + page, count: 4_096), at: UInt64(page) * 4_096)
            }
        }
        let good = try file.readAll()
        let bad = try file.readAll()
        let wrong = (0..<4).filter {
            bad[$0 * 4_096..<($0 + 1) * 4_096] != good[$0 * 4_096..<($0 + 1) * 4_096]
        }
        #expect(wrong.count == 1 && fileSystem.corruptedReadCount == 1)
        let page = try #require(wrong.first)
        let block = Set(bad[page * 4_096..<(page + 1) * 4_096])
        switch corruption {
        case .flippedBit: #expect(block.count == 2)
        case .stale: #expect(block == [16 + UInt8(page)])
        case .misdirected: #expect(block.count == 1 && block.first! >> 4 == 2)
        case .zeros: #expect(block == [0])
        }
        #expect(try file.readAll() == (forever ? bad : good))
        try file.writeBytes(
            Array(good[page * 4_096..<(page + 1) * 4_096]), at: UInt64(page) * 4_096)
        #expect(try file.readAll() == good)
    }
}
