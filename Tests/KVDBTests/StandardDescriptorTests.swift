@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// A program may have closed descriptors 0, 1 and 2, as daemons do. No file of a database takes their
/// numbers, so that nothing that is printed ever lands in one.
@Suite(.enabled(if: ApartThread.isPossible, "a thread can't have its own descriptors here"))
struct StandardDescriptorTests {
    private static let standard: [Int32] = [0, 1, 2]

    /// What the numbers lead to: files of ours, anything else, or nothing.
    private static func isTaken(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

    /// Prints to all of them, as a program or a library would.
    private static func print() {
        let text = "Something that has nothing to do with any database.\n"
        for descriptor in standard { _ = unsafe write(descriptor, text, text.utf8.count) }
    }

    @Test(arguments: [[0, 1, 2], [0], [1], [2], [0, 2], [1, 2]] as [[Int32]])
    func noFileOfOursIsAStandardStream(closed: [Int32]) throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        try ApartThread.run(.descriptors) {
            for descriptor in closed { _ = close(descriptor) }
            var options = DatabaseOptions()
            options.logSegmentSize = 4096
            for round in 0..<3 {
                let database = try FileDatabase.open(path, options: options)
                for number in 0..<50 {
                    // The first commit makes the log, a checkpoint syncs, a close removes a name.
                    try database.put("key \(round) \(number)", "value")
                    if number % 20 == 0 { try database.checkpoint() }
                    #expect(closed.allSatisfy { !Self.isTaken($0) }, "round \(round)")
                }
                #expect(try database.verify().isSound)
                // Its own log beside a copy, which is verified and salvaged with the streams closed.
                for name in ["my.db", "my.db-wal"] where round == 2 {
                    try FileManager.default.copyItem(
                        atPath: folder.file(name), toPath: folder.file("left-" + name))
                }
                try database.close()
                #expect(closed.allSatisfy { !Self.isTaken($0) }, "round \(round)")
            }
            let left = folder.file("left-my.db")
            #expect(try FileDatabase.verifyFile(left).isSound)
            #expect(try FileDatabase.salvage(from: left, to: folder.file("new.db")).isComplete)
            #expect(closed.allSatisfy { !Self.isTaken($0) })
        }
        #expect(try FileDatabase.verifyFile(path).entryCount == 150)
        #expect(try FileDatabase.verifyFile(folder.file("new.db")).entryCount == 150)
    }

    /// With all of them closed a file would get the number that the program prints to.
    @Test func whatIsPrintedNeverReachesAFile() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        try ApartThread.run(.descriptors) {
            for descriptor in Self.standard { _ = close(descriptor) }
            let database = try FileDatabase.open(path)
            for number in 0..<20 {
                try database.put("key \(number)", "value")
                Self.print()
            }
            // As a process that is killed leaves them.
            for name in ["my.db", "my.db-wal"] {
                try FileManager.default.copyItem(
                    atPath: folder.file(name), toPath: folder.file("left-" + name))
            }
            try database.close()
        }
        let left = folder.file("left-my.db")
        for path in [path, left] {
            let database = try FileDatabase.open(path)
            #expect(try database.count() == 20)
            #expect(try database.verify().isSound)
            try database.close()
        }
    }

    /// A descriptor that the program opens with one of the numbers meanwhile stays the program's.
    @Test func theProgramsOwnStreamsStayOpen() throws {
        let folder = try TemporaryDirectory()
        try ApartThread.run(.descriptors) {
            _ = close(2)
            let database = try FileDatabase.open(folder.file("my.db"))
            #expect(unsafe open(folder.file("warnings"), O_RDWR | O_CREAT, 0o600) == 2)
            try database.put("k", "v")
            Self.print()
            try database.close()
            #expect(Self.isTaken(2))
        }
        #expect(try Data(contentsOf: URL(filePath: folder.file("warnings"))).count > 10)
        #expect(try FileDatabase.verifyFile(folder.file("my.db")).isSound)
    }
}
