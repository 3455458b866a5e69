#if !hasFeature(Embedded)
    import PageStore
    import StorageIO

    extension Database {
        /// A commit that touched keys that somebody listens to; see `changes(in:_:)`.
        public struct Change: Sendable, Equatable {
            /// The version that the commit made. Readers can see it.
            public let version: Version
        }

        /// The commits that touch some keys, for a task that wants to hear of them; see `changes(in:_:)`.
        public struct Changes: AsyncSequence, Sendable {
            /// A commit, which stands for those before it that were not told.
            public typealias Element = Change
            /// The failed write or sync after which there are no more commits.
            public typealias Failure = StorageError

            fileprivate let listener: Listener

            /// Makes an iterator, which begins at the moment of the call that gave the sequence.
            public func makeAsyncIterator() -> Iterator {
                Iterator(listener: Listener(like: listener))
            }

            /// Goes from change to change.
            public struct Iterator: AsyncIteratorProtocol {
                fileprivate let listener: Listener

                /// Waits for the next change.
                ///
                /// - Parameter actor: where the caller is.
                /// - Returns: the newest change that was not returned yet; nil when the task is cancelled, and when the
                ///   database is closed or its last use is gone.
                /// - Throws: the failed write or sync after which the database only reads.
                public mutating func next(
                    isolation actor: isolated (any Actor)? = #isolation
                ) async throws(StorageError) -> Change? {
                    try await listener.next().map { Change(version: Version($0)) }
                }
            }
        }

        /// The commits from now on that touch keys of a table.
        ///
        /// ```swift
        /// for try await change in database.changes(in: .users, "a"..<"n") {
        ///     print("version \(change.version) touched them")
        /// }
        /// ```
        ///
        /// A put touches its key even if the value was the same; a delete touches a key that was there. A delete of a range, a
        /// drop, a rename, a load, an import and a transaction that is too large for the log
        /// (``Options/loggedTransactionLimit``) may touch more than their keys, up to the whole table. So may a commit of
        /// more than 256 keys: those between them may count. A compaction and a checkpoint touch nothing.
        ///
        /// An element comes when readers can see its version: at ``Durability/full``, once it is durable. There is one element at
        /// most that waits for you: when a newer version comes before you have taken it, the newer one stands for both. So nobody
        /// ever waits for a slow listener, and each listener takes the same little memory. To look at what is there
        /// first, call this before you take the ``snapshot()``.
        ///
        /// The sequence ends when its task is cancelled, and when the database is closed or its last use is gone, which it
        /// does not keep open. It throws the failed write or sync after which there are no more commits.
        ///
        /// - Parameters:
        ///   - table: the table. It need not be there.
        ///   - range: the keys: `.prefix(…)`, `.all`.
        /// - Complexity: a commit pays O(log n) for each range and listener, and nothing where nobody listens.
        public func changes<Key, Value>(
            in table: Table<Key, Value>, _ range: KeyInterval<Key> = .all
        ) -> Changes {
            var keys = TableKeys()
            keys.insert(range.keyRange, table: Array(table.name.utf8))
            return Changes(listener: Listener(to: engine.core, keys))
        }

        /// The commits from now on that touch a range of Swift's; see `changes(in:_:)`.
        public func changes<Key, Value>(
            in table: Table<Key, Value>, _ range: some KeyRangeExpression<Key>
        ) -> Changes {
            changes(in: table, range.interval)
        }

        /// The commits from now on that touch anything; see `changes(in:_:)`.
        public func changes() -> Changes {
            Changes(listener: Listener(to: engine.core, .everything))
        }
    }

    /// An observer that listens as long as this lives.
    final class Listener: Sendable {
        private let core: TableSource.Core
        private let observer: Observer

        /// Listens to some keys of an open database from now on.
        init(to core: TableSource.Core, _ keys: TableKeys) {
            self.core = core
            observer = Observer(keys)
            // A child made by `fork` has nobody who could tell it anything.
            guard !core.lifecycle.isForked else { return }
            core.observers.add(observer, to: core.versions)
            // A failure from before is told to nobody else.
            if core.poison != nil { core.deliverChanges() }
        }

        /// Listens to what another one listens to, from the moment on at which that began.
        init(like other: Listener) {
            core = other.core
            observer = Observer(TableKeys())
            guard !core.lifecycle.isForked else { return }
            core.observers.add(observer, like: other.observer)
        }

        deinit {
            guard !core.lifecycle.isForked else { return }
            core.observers.remove(observer, from: core.versions)
        }

        /// Waits for a version that touches the keys; see ``Observers/next(for:)``.
        nonisolated(nonsending) func next() async throws(StorageError) -> TransactionNumber? {
            guard !core.lifecycle.isForked else { return nil }
            return try await core.observers.next(for: observer)
        }

        /// Keeps what every commit touches until ``listen(to:since:)``.
        func record() { core.observers.record(for: observer) }

        /// Listens to other keys from a version on.
        func listen(to keys: TableKeys, since version: TransactionNumber) {
            core.observers.listen(observer, to: keys, since: version)
            // What was recorded has been told to nobody.
            core.deliverChanges()
        }
    }
#endif
