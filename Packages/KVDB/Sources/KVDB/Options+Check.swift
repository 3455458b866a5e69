import StorageIO
import WAL

extension DatabaseOptions {
    /// - Throws: `invalidArgument` for values that make no sense.
    func check() throws(StorageError) {
        func refuse(_ message: String) -> StorageError { StorageError(.invalidArgument, message) }
        guard cacheBudget >= 64 << 10 else {
            throw refuse("The cache budget must be at least 65536 bytes.")
        }
        guard dirtyBudget >= 16 << 10 else {
            throw refuse("The budget of changed pages must be at least 16384 bytes.")
        }
        guard logBudget > 0 else { throw refuse("The log budget must be positive.") }
        guard logSegmentSize >= 4096, logSegmentSize & (logSegmentSize - 1) == 0,
            logSegmentSize <= LogLayout.maximumSegmentSize
        else { throw refuse("The log segment size must be a power of two from 4096 to 2^26.") }
        guard loggedTransactionLimit >= 0, loggedTransactionLimit <= 1 << 30 else {
            throw refuse("The logged transaction limit must be from 0 to 2^30 bytes.")
        }
        guard maximumFileSize >= 1 << 16 else {
            throw refuse("The maximum file size must be at least 65536 bytes.")
        }
    }
}

extension DatabaseOptions {
    /// The log's share of the options.
    var logOptions: LogOptions {
        var log = LogOptions()
        log.segmentSize = logSegmentSize
        // What one checkpoint frees, the next round of the log can use.
        log.retainedSegments = max(2, logBudget / logSegmentSize)
        // A commit costs no call but a write and a sync (R11); and without the log's name a close still
        // leaves everything in the data file.
        log.checksName = false
        return log
    }
}
