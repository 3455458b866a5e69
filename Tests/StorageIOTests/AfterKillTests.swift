import StorageIO
import StorageIOTesting
import Testing

/// What a killed process leaves to the next one, and to a power cut after it.
@Suite struct AfterKillTests {
    @Test func whatWasWrittenIsThereAfterAKillAndStillNotDurable() throws {
        let files = CrashingFileSystem()
        let file = try files.open("a", .create)
        try file.lock(exclusive: true)
        try file.writeBytes([1, 2, 3], at: 0)
        try files.syncDirectory(of: "a")
        try file.sync()
        try file.writeBytes([9], at: 1)
        let killed = files.afterKill()
        // The old process is as it was.
        try file.writeBytes([7], at: 2)
        #expect(try file.readAll() == [1, 9, 7])

        let again = try killed.open("a", .readWrite)
        try again.lock(exclusive: true)
        #expect(try again.readAll() == [1, 9, 3])
        let cut = try killed.survivors(.none).open("a", .readOnly)
        #expect(try cut.readAll() == [1, 2, 3])
        try again.sync()
        let kept = try killed.survivors(.none).open("a", .readOnly)
        #expect(try kept.readAll() == [1, 9, 3])
    }

    @Test func aNameIsThereAfterAKillAndStillNotDurable() throws {
        let files = CrashingFileSystem()
        let file = try files.open("a", .create)
        try file.writeBytes([1], at: 0)
        try file.sync()
        let killed = files.afterKill()
        #expect(killed.paths == ["a"])
        #expect(killed.survivors(.none).paths == [])
        let again = try killed.open("a", .readWrite)
        try again.writeBytes([2], at: 0)
        try again.sync()
        try killed.syncDirectory(of: "a")
        let kept = try killed.survivors(.none).open("a", .readOnly)
        #expect(try kept.readAll() == [2])
        // Changes of the new process come after those of the old one.
        #expect(killed.operationCount > files.operationCount)
    }
}
