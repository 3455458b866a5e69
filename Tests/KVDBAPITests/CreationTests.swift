import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// A database that is just being created, and everything that can come in between.
struct CreationTests {
    private struct Lost: Error {}

    @Test func aCreationThatIsKilledAndThenCutIsTakenUpAgain() throws {
        let numbers = Table<String, Int>("numbers")
        var options = Database.Options(checkpointPolicy: .inline)
        options.logSegmentSize = 4096
        let states = try PowerCuts.sweep(0) { [options] files, acknowledged in
            let database = try Database(at: "new.db", files: files, options: options)
            acknowledged.value = try database[numbers].update("n") { number in
                number = (number ?? 0) + 1
                return number ?? 0
            }
            try database.close()
        } check: { files, acknowledged in
            let database = try Database(at: "new.db", files: files)
            guard try database[numbers].get("n") ?? 0 >= acknowledged else { throw Lost() }
        }
        #expect(states > 100)
    }
}
