import BTree
import PageStore
import StorageIO
import WAL

extension Database {
    /// One version of a database, which can be read for as long as this lives, from any number of threads and
    /// tasks, whatever is committed, compacted or evicted meanwhile (R6 in `Docs/Architecture.md`). Only
    /// the pages that it can see are kept from being used again.
    ///
    /// The reading calls on the snapshot itself are about the default table. ``subscript(_:)`` gives another one.
    public struct Snapshot: Sendable {
        let engine: EngineSnapshot<FileStore, FileLog>

        init(engine: EngineSnapshot<FileStore, FileLog>) { self.engine = engine }

        /// The number of the version. Later versions have higher numbers.
        public var version: Version { Version(engine.transaction) }
    }

    /// The number of a version of a database: of the transaction that made it.
    public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
        /// The transaction's number. It goes up by one with each, and never comes again in one database.
        public let number: UInt64

        init(_ number: UInt64) { self.number = number }

        /// Orders by age, the oldest first.
        public static func < (left: Version, right: Version) -> Bool { left.number < right.number }

        /// The number in decimal digits.
        public var description: String { String(number) }
    }
}

extension Database {
    /// The newest version that readers get: ask again to learn whether something was committed since. O(1).
    ///
    /// - Throws: `closed`.
    public var version: Version {
        get throws(StorageError) {
            try engine.core.requireOpen()
            return Version(engine.core.versions.newest)
        }
    }
}
