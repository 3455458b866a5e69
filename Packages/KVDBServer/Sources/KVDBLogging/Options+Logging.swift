public import KVDB
public import Logging

extension Database.Options {
    /// Logs what happens in the database, beside what ``Database/Options/onEvent`` is told already.
    ///
    /// ```swift
    /// var options = Database.Options()
    /// options.log(to: Logger(label: "store"))
    /// let database = try Database(at: "my.kvdb", options: options)
    /// ```
    ///
    /// Syncs are logged at `trace`, checkpoints at `debug`, recoveries at `notice`, slow writers and failed checkpoints
    /// at `warning`, and the failure after which the handle only reads at `critical`.
    ///
    /// - Parameter logger: takes the messages. Where its level is above an event's, that costs next to nothing.
    public mutating func log(to logger: Logger) {
        let former = onEvent
        onEvent = { event in
            former?(event)
            logger.log(event)
        }
    }
}

extension Logger {
    /// Logs an event of a database: a message that is always the same for its kind, and what it is about as metadata.
    public func log(_ event: Database.Event) {
        switch event {
        case .checkpoint(let pages, let duration):
            debug("checkpoint", metadata: ["pages": "\(pages)", "duration": "\(duration)"])
        case .sync(let duration, let commits):
            trace("sync", metadata: ["commits": "\(commits)", "duration": "\(duration)"])
        case .slowWriter(let waited, let behind):
            var metadata: Logger.Metadata = ["waited": "\(waited)"]
            if let behind { metadata["behind"] = "\(behind)" }
            warning("slow writer", metadata: metadata)
        case .recovered(let commits, let byteCount):
            notice("recovered", metadata: ["commits": "\(commits)", "bytes": "\(byteCount)"])
        case .checkpointFailed(let error):
            warning("checkpoint failed", metadata: ["error": "\(error)"])
        case .failed(let error):
            critical("database failed", metadata: ["error": "\(error)"])
        @unknown default:
            info("\(event)")
        }
    }
}
