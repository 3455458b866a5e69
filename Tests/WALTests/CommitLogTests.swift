import StorageIO
import StorageIOTesting
import Testing

@testable import WAL

/// What every log promises, held to both.
@Suite struct CommitLogTests {
    @Test func theWriteAheadLogKeepsTheProtocol() throws {
        try check(openLog(InMemoryFileSystem()).log)
    }

    @Test func theWriteAheadLogKeepsTheProtocolOnDisk() throws {
        let directory = try TemporaryDirectory()
        let log = try WriteAheadLog.open(
            files: POSIXFileSystem(), path: directory.file("log"), identity: testIdentity,
            options: smallSegments()
        ) { _ in }
        try check(log)
        #expect(try directory.names().isEmpty)
    }

    @Test func theNullLogKeepsTheProtocol() throws {
        try check(NullLog())
        #expect(NullLog(from: 4096).end == 4096)
    }

    @Test func theNullLogIsDurableAtOnce() throws {
        let log = NullLog()
        let position = try log.append(Entry(1, size: 100))
        #expect(log.durable == position)
        #expect(log.byteCount == 0)
    }

    private func check<Log: CommitLog>(_ log: Log) throws {
        var random = SeededRandom(seed: 1)
        var last = log.end
        #expect(log.durable == last)
        #expect(log.written == last)
        for number in 1...200 {
            try log.reserve(random.below(5000))
            let position = try log.append(
                Entry(UInt64(number), size: random.below(3000)))
            #expect(position > last)
            #expect(log.end == position)
            #expect(position % 8 == 0)
            last = position
            switch random.below(3) {
            case 0: try log.write(through: position)
            case 1: try log.sync(through: .max)
            default: try log.recycle(before: log.durable)
            }
            let (durable, written, end) = (log.durable, log.written, log.end)
            #expect(durable <= written && written <= end)
        }
        try log.sync(through: last)
        #expect(log.durable == last)
        #expect(log.poison == nil)
        try log.close(removing: true)
        try log.close(removing: true)
        let error = #expect(throws: StorageError.self) { try log.append([1]) }
        #expect(error?.code == .closed)
    }
}
