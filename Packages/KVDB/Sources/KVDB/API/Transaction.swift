import BTree
import PageStore
import StorageIO
import WAL

extension Database {
    /// A write transaction: a private version of the database, which becomes the next one by
    /// ``commit(durability:)``, and leaves no trace after ``abort()``, after an error, and when it is dropped (R5 in
    /// `Docs/Architecture.md`).
    ///
    /// It sees its own changes, and nobody else does before the commit returns. One thread at a time may use it.
    /// The calls on the transaction itself are about the default table. ``subscript(_:)`` gives another one.
    public struct Transaction: ~Copyable {
        let engine: EngineTransaction<FileStore, FileLog>
        /// The database that it is of.
        let database: FileEngine

        /// Wraps a transaction that the engine has begun.
        init(engine: consuming EngineTransaction<FileStore, FileLog>, of database: FileEngine) {
            self.engine = engine
            self.database = database
        }

        /// The number of the version that a commit makes.
        public var version: Version { Version(engine.number) }

        /// Makes the changes the database's next version, and waits as long as `durability` says.
        ///
        /// - Parameter durability: what to wait for; nil for the database's own level.
        /// - Throws: `diskFull` and nothing has changed; the first error of a call that failed half-way, and nothing has
        ///   changed; `poisoned` or `inputOutput` when a write or sync failed: reopening tells
        ///   whether the commit survived.
        public consuming func commit(durability: Durability? = nil) throws(StorageError) {
            // In memory there is nothing to wait for.
            let isVolatile = database.core.options.isVolatile
            try engine.commit(durability: isVolatile ? .buffered : durability)
        }

        /// Drops every change.
        public consuming func abort() {
            engine.abort()
        }
    }
}
