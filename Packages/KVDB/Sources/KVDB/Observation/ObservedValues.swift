#if !hasFeature(Embedded)
    import PageStore
    import StorageIO

    extension Database {
        /// What a closure makes of a database, now and whenever what it read has changed; see ``Database/observe(_:)``.
        public struct ObservedValues<Value: Sendable>: AsyncSequence, Sendable {
            /// What the closure returns.
            public typealias Element = Value

            fileprivate let database: WeakDatabase
            fileprivate let body: @Sendable (Snapshot) throws -> Value

            /// Makes an iterator, which calls the closure for the first time when its first value is asked for.
            public func makeAsyncIterator() -> Iterator { Iterator(database: database, body: body) }

            /// Goes from value to value.
            public struct Iterator: AsyncIteratorProtocol {
                fileprivate let database: WeakDatabase
                fileprivate let body: @Sendable (Snapshot) throws -> Value
                private var listener: Listener?
                private var isOver = false

                fileprivate init(
                    database: WeakDatabase, body: @escaping @Sendable (Snapshot) throws -> Value
                ) {
                    self.database = database
                    self.body = body
                }

                /// Returns the value now, and from then on waits until what the closure read has changed.
                ///
                /// - Parameter actor: where the caller is.
                /// - Returns: what the closure returns; nil when the task is cancelled, and when the database is closed or
                ///   its last use is gone.
                /// - Throws: what the closure throws; the failed write or sync after which the database only reads.
                public mutating func next(
                    isolation actor: isolated (any Actor)? = #isolation
                ) async throws -> Value? {
                    guard !isOver else { return nil }
                    do {
                        if let listener {
                            guard try await listener.next() != nil else { return end() }
                        }
                        guard let engine = database.engine else { return end() }
                        let listener = listener ?? Listener(to: engine.core, TableKeys())
                        self.listener = listener
                        return try await engine.value(of: body, for: listener)
                    } catch {
                        _ = end()
                        // An end from outside while the closure read is not its failure.
                        if Task.isCancelled || database.isClosed { return nil }
                        throw error
                    }
                }

                private mutating func end() -> Value? {
                    isOver = true
                    listener = nil
                    return nil
                }
            }
        }

        /// What `body` makes of the database: now, and again after each commit that touched what it read.
        ///
        /// ```swift
        /// for try await count in database.observe({ try $0[.users].count }) {
        ///     print("\(count) users")
        /// }
        /// ```
        ///
        /// Each time `body` gets a snapshot of the newest version, and what it reads through that is noted: keys, ranges, tables,
        /// and whether it asked for the names of the tables. It is called again when a commit touched any of that, in the sense
        /// of `changes(in:_:)`, and readers can see it. Several commits before the next value is asked for are answered by one
        /// call. A scan that `body` stops counts up to the key where it stopped; a cursor, and what asks for an entry by its index,
        /// counts as the whole table; and so may what is read in more than 256 places of a table.
        ///
        /// What `body` reads elsewhere, from the database itself or a snapshot of its own, is not noted. It may return
        /// the same value twice.
        ///
        /// The sequence ends when its task is cancelled, and when the database is closed or its last use is gone, which it
        /// keeps open only while `body` runs. It throws what `body` throws, and the failed write or sync after which
        /// there are no more commits; then it is over.
        ///
        /// - Parameter body: reads from the snapshot. It runs on a thread of the database, of which there are few, so keep it short.
        public func observe<Value: Sendable>(
            _ body: @escaping @Sendable (_ snapshot: Snapshot) throws -> Value
        ) -> ObservedValues<Value> {
            ObservedValues(database: WeakDatabase(engine), body: body)
        }
    }

    extension FileEngine {
        /// Calls `body` with the newest version, on a thread of the database, and lets `listener` listen to what it reads.
        nonisolated(nonsending) fileprivate func value<Value: Sendable>(
            of body: @escaping @Sendable (Database.Snapshot) throws -> Value, for listener: Listener
        ) async throws -> Value {
            try core.requireOpen()
            return try await core.readers.run(refusal: core.closingError()) { [self] _ in
                // First, so that no commit comes between.
                listener.record()
                let reads = ReadKeys()
                let snapshot = Database.Snapshot(engine: try EngineSnapshot(self, noting: reads))
                let value = try body(snapshot)
                listener.listen(to: reads.keys, since: snapshot.version.number)
                return value
            }
        }
    }

    /// A database that is not kept open by this.
    final class WeakDatabase: @unchecked Sendable {
        // Sendable: nothing but the runtime changes the reference, atomically.
        private weak var reference: FileEngine?

        init(_ engine: FileEngine) { reference = engine }

        /// The database, as long as it is there.
        var engine: FileEngine? { reference }

        /// Whether it is closed or gone.
        var isClosed: Bool { reference?.core.lifecycle.isClosed ?? true }
    }
#endif
