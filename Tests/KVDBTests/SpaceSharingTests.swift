@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What is left of a disk goes where it is needed. Real full disks are crashtest's family `fulldisk`.
@Suite struct SpaceSharingTests {
    /// The room is always enough for a few pages and a segment of the log, but not for what the data
    /// file takes at once, where it can, and a segment. Without a checkpoint in between.
    @Test func theDataFileLeavesTheLogWhatIsLeft() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.checkpointPolicy = .manual
        options.logSegmentSize = 4096
        let database = try SimulatedDatabase.open("a.db", files: files, options: options)
        func size(_ path: String) throws -> UInt64 {
            guard try files.exists(path) else { return 0 }
            let file = try files.open(path, .readOnly)
            defer { file.close() }
            return try file.size()
        }
        for number in 0..<150 {
            files.capacity = try size("a.db") + size("a.db-wal") + 17 * 4096 + 2048
            try database.put("key\(number)", [UInt8](repeating: 7, count: 2000))
        }
        files.capacity = nil
        #expect(database.poison == nil)
        #expect(try database.verify().isSound)
        let again = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: options)
        #expect(try again.count() == 150)
    }
}
