import PageStore
import StorageIO
import WAL

extension Database {
    /// The state of a database at one moment.
    public struct Statistics: Sendable {
        /// Bytes of a page.
        public var pageSize = PageLayout.pageSize
        /// Pages that the data file has room for, the superblocks included; in memory the pages in use.
        public var pageCount = 0
        /// Bytes of the data file; 0 in memory.
        public var fileByteCount = 0
        /// Bytes of the log's file.
        public var logByteCount = 0
        /// Bytes of the log's records that a recovery would apply now.
        public var unappliedLogByteCount = 0
        /// The newest version that readers get.
        public var version = Version(0)
        /// The version that the data file stands at.
        public var checkpointVersion = Version(0)
        /// How many versions were committed since the database was opened, those that checkpoints make of their own
        /// included.
        public var commitCount = 0
        /// Entries in the default table.
        public var entryCount = 0
        /// Pages that can be used at once.
        public var freePages = 0
        /// Pages that hold the list of the free ones.
        public var freeListPages = 0
        /// Pages that were replaced but are still needed, by a snapshot or by the last checkpoint.
        public var pendingPages = 0
        /// Bytes of pages in memory.
        public var residentByteCount = 0
        /// Bytes of pages in memory that are newer than the file; in memory all pages in use.
        public var dirtyByteCount = 0
        /// Cache misses: how many pages were read from the file since the database was opened, those of long values
        /// included.
        public var pageLoads = 0
        /// How often the cache was asked since the database was opened: once for each key that was looked up or changed
        /// (for each 64 of them, where one call has many), and once for each leaf that a scan went through.
        public var lookups = 0
        /// The share of lookups for which no page had to be read, from 0 to 1, if none of them needed more than one;
        /// nil before the first.
        public var cacheHitRatio: Double? {
            lookups == 0 ? nil : max(0, 1 - Double(pageLoads) / Double(lookups))
        }
        /// Pages whose memory was given back since the database was opened.
        public var evictions = 0
        /// The log's syncs.
        public var syncs = Syncs()
        /// The versions that live snapshots hold, oldest first.
        public var snapshots: [HeldVersion] = []

        /// How long the log's syncs took, without the waits for others.
        public struct Syncs: Sendable, Equatable {
            /// How many there were since the database was opened.
            public var count = 0
            /// The median of the last ones, at most 64; nil before the first, and where
            /// ``Database/Options/monitoring`` is off.
            public var median: Duration?
            /// The longest of the last ones.
            public var worst: Duration?
        }

        /// A version that snapshots hold.
        public struct HeldVersion: Sendable, Equatable {
            /// Which one.
            public var version: Version
            /// How many versions were committed after it.
            public var versionsBehind: Int
            /// For how long at least there has been a newer version; nil while it is the newest. Checkpoints, the
            /// background thread's syncs and calls of ``Database/statistics()`` note it.
            public var outdatedFor: Duration?
            /// Replaced pages that can't be used again because of it. A page that several versions see is counted under the
            /// oldest.
            public var pinnedPages: Int
        }
    }

    /// Returns the state of the database now, as counters: no page is read.
    ///
    /// - Throws: `closed`.
    /// - Complexity: O(live snapshots).
    public func statistics() throws(StorageError) -> Statistics {
        let core = engine.core
        let state = try engine.statistics()
        core.versionTimes.note(state.lastTransaction)
        let now = System.now
        var statistics = Statistics()
        statistics.pageCount =
            isInMemory ? state.pageCount - state.freePages - state.pendingPages : state.pageCount
        if !isInMemory {
            statistics.fileByteCount = Int(clamping: state.fileByteCount)
            statistics.logByteCount = Int(clamping: state.logByteCount)
            statistics.unappliedLogByteCount = Int(clamping: state.unappliedLogByteCount)
        }
        statistics.version = Version(state.lastTransaction)
        statistics.checkpointVersion = Version(state.checkpointTransaction)
        statistics.commitCount = Int(clamping: state.lastTransaction &- core.firstTransaction)
        statistics.entryCount = Int(clamping: state.entryCount)
        statistics.freePages = state.freePages
        statistics.freeListPages = state.freeListPages
        statistics.pendingPages = state.pendingPages
        statistics.residentByteCount = state.residentByteCount
        statistics.dirtyByteCount = state.dirtyByteCount
        statistics.pageLoads = Int(clamping: state.pageLoads)
        statistics.lookups = Int(clamping: state.lookups)
        statistics.evictions = Int(clamping: state.evictions)
        let syncs = core.log.syncTimes
        statistics.syncs.count = syncs.count
        statistics.syncs.median = syncs.median.map { .nanoseconds(Int64(clamping: $0)) }
        statistics.syncs.worst = syncs.worst.map { .nanoseconds(Int64(clamping: $0)) }
        statistics.snapshots = state.liveSnapshots.map { snapshot in
            Statistics.HeldVersion(
                version: Version(snapshot.transaction),
                versionsBehind: Int(clamping: state.lastTransaction &- snapshot.transaction),
                outdatedFor: core.versionTimes.end(of: snapshot.transaction).map {
                    .nanoseconds(Int64(clamping: now &- min($0, now)))
                },
                pinnedPages: snapshot.pinnedPages)
        }
        return statistics
    }

    /// Gives memory of the cache back, as an app does that the system warned of its memory.
    ///
    /// What was used last stays longest. Pages that are newer than the file stay until a checkpoint
    /// has written them, so in memory only free pages give theirs back; and what a reader is inside of just now stays. The
    /// cache's budget is as before: what is read again comes back.
    ///
    /// - Parameter byteCount: how many bytes of unchanged pages may stay.
    /// - Returns: how many bytes of pages are in memory now, the changed ones included.
    /// - Throws: `closed`.
    /// - Complexity: O(pages of the database) at most.
    @discardableResult
    public func trim(to byteCount: Int) throws(StorageError) -> Int {
        let core = engine.core
        try core.requireOpen()
        core.store.trim(toPages: max(0, byteCount) / PageLayout.pageSize)
        return core.store.pressure.residentPages * PageLayout.pageSize
    }
}
