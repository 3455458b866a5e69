import StorageIO
import WAL

extension Database.Options {
    /// More memory than any machine has.
    private static var largestBudget: Int { Int(clamping: Int64(1) << 46) }

    /// - Throws: `invalidArgument` for values that make no sense.
    func check() throws(StorageError) {
        guard !isVolatile else { return }
        func refuse(_ message: String) -> StorageError { StorageError(.invalidArgument, message) }
        guard (64 << 10...Self.largestBudget).contains(cacheBudget) else {
            throw refuse("The cache budget must be from 65536 to 2^46 bytes.")
        }
        guard (16 << 10...Self.largestBudget).contains(dirtyBudget) else {
            throw refuse("The budget of changed pages must be from 16384 to 2^46 bytes.")
        }
        guard (1...Self.largestBudget).contains(logBudget) else {
            throw refuse("The log budget must be from 1 to 2^46 bytes.")
        }
        guard (.milliseconds(1) ... .seconds(3600)).contains(syncInterval) else {
            throw refuse("The sync interval must be from a millisecond to an hour.")
        }
        guard (.zero ... .seconds(86400)).contains(writerTimeout) else {
            throw refuse("The writer's timeout must be from 0 to a day.")
        }
        guard (.zero ... .seconds(86400)).contains(slowWriterThreshold) else {
            throw refuse("The threshold of slow writers must be from 0 to a day.")
        }
        guard logSegmentSize >= 4096, logSegmentSize & (logSegmentSize - 1) == 0,
            logSegmentSize <= LogLayout.maximumSegmentSize
        else { throw refuse("The log segment size must be a power of two from 4096 to 2^26.") }
        guard loggedTransactionLimit >= 0, loggedTransactionLimit <= 1 << 30 else {
            throw refuse("The logged transaction limit must be from 0 to 2^30 bytes.")
        }
        guard !erasesDeleted else {
            throw refuse(
                "This version can't erase what is deleted: replaced pages keep their bytes until they are "
                    + "used again. Leave the option off.")
        }
        guard sizeLimit >= 1 << 16 else {
            throw refuse("The size limit must be at least 65536 bytes.")
        }
    }
}

extension Database.Options {
    /// The log's share of the options.
    var logOptions: LogOptions {
        var log = LogOptions()
        log.segmentSize = logSegmentSize
        // What one checkpoint frees, the next round of the log can use.
        log.retainedSegments = max(2, logBudget / logSegmentSize)
        // A commit costs no call but a write and a sync (R11); and without the log's name a close still
        // leaves everything in the data file.
        log.checksName = false
        log.timesSyncs = monitoring || onEvent != nil
        return log
    }
}

extension Database.Options {
    /// What a database in memory makes of these options: it has no log, no checkpoint, and nowhere to evict a page to.
    var inMemory: Database.Options {
        var options = self
        options.isVolatile = true
        options.access = .create
        options.usesLog = false
        options.durability = .buffered
        options.checkpointPolicy = .manual
        options.cacheBudget = Self.largestBudget
        options.dirtyBudget = Self.largestBudget
        return options
    }
}
