import KVDB
import KVDBLogging
import Logging
import StorageIOTesting
import Testing

/// What a database logs.
struct LoggingTests {
    /// Keeps the lines that it is given.
    private struct Journal: LogHandler {
        let lines: Gathering<String>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let keys = (event.metadata ?? [:]).keys.sorted().joined(separator: ",")
            lines.add(["\(event.level) \(event.message) \(keys)"])
        }
    }

    private func options(_ lines: Gathering<String>) -> Database.Options {
        var options = Database.Options(
            checkpointPolicy: .manual, onEvent: { _ in lines.add(["told"]) },
            slowWriterThreshold: .zero)
        options.log(to: Logger(label: "test") { _ in Journal(lines: lines) })
        return options
    }

    @Test func eventsAreLoggedAtTheirLevels() throws {
        let lines = Gathering<String>()
        let files = CrashingFileSystem()
        let database = try Database(at: "l.kvdb", files: files, options: options(lines))
        try database.put("1", for: "a")
        try database.checkpoint()
        try database.put("2", for: "a")
        let after = Gathering<String>()
        _ = try Database(at: "l.kvdb", files: files.afterKill(), options: options(after))
        #expect(after.elements.prefix(2) == ["told", "notice recovered bytes,commits"])
        let transaction = try database.begin()
        try inParallel(1) { _ in
            #expect(throws: (any Error).self) { try database.write(timeout: .zero) { _ in } }
        }
        transaction.abort()
        files.fail(operation: files.count(of: .sync) + 1, of: .sync, forever: true)
        #expect(throws: (any Error).self) { try database.put("3", for: "a") }
        let logged = lines.elements
        for line in [
            "trace sync commits,duration", "debug checkpoint duration,pages",
            "warning slow writer behind,waited", "critical database failed error",
        ] { #expect(logged.contains(line), "\(line) in \(logged)") }
        // Whoever was told before still is.
        #expect(logged.count { $0 == "told" } * 2 == logged.count)
    }
}
