import StorageIO

extension Database {
    /// Something that happened in a database, for logs and metrics; see ``Options/onEvent``.
    ///
    /// Later versions may add cases, so give a `switch` a `default`.
    public enum Event: Sendable {
        /// A checkpoint was written: how many pages, and how long that took.
        case checkpoint(pages: Int, duration: Duration)
        /// The log was synced: how long that took, and how many commits became durable with it.
        case sync(duration: Duration, commits: Int)
        /// A write waited for another one for longer than ``Options/slowWriterThreshold``.
        ///
        /// `behind` is the place in the program where the one in the way was begun when the wait began, as
        /// `File.swift:12`; nil for a single change and the database's own work.
        case slowWriter(waited: Duration, behind: String?)
        /// The database was opened after a crash: how many commits came out of the log, and their bytes.
        case recovered(commits: Int, byteCount: Int)
        /// A checkpoint that nobody has called for did not come about, as on a full disk. All is as before: the log
        /// grows, and another one is tried later.
        case checkpointFailed(StorageError)
        /// A write or sync failed, and from now on the handle only reads; see ``Database/failure``.
        case failed(StorageError)
    }
}

extension Database.Event: CustomStringConvertible {
    /// A line for people.
    public var description: String {
        switch self {
        case .checkpoint(let pages, let duration):
            "checkpoint of \(pages) pages in \(duration)"
        case .sync(let duration, let commits):
            "sync of \(commits) commits in \(duration)"
        case .slowWriter(let waited, let behind):
            "a write waited \(waited) for " + (behind.map { "the one begun at \($0)" } ?? "another")
        case .recovered(let commits, let byteCount):
            "recovered \(commits) commits, \(byteCount) bytes"
        case .checkpointFailed(let error):
            "no checkpoint: \(error)"
        case .failed(let error):
            "failed: \(error)"
        }
    }
}
