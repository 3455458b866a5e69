#if KVDB_SCHEDULES
    import PageStore
    import StorageIO
    import WAL

    // What tasks do, for the threads of a scheduled run, which can't be tasks: a scheduler of ours runs them.
    @_spi(Engine)
    extension DatabaseEngine {
        /// Queues a write transaction as a task does.
        ///
        /// - Parameters:
        ///   - durability: what the commit waits for; nil for the database's own level.
        ///   - timeout: how long to wait until it begins; nil as the options say.
        ///   - body: makes the changes, on the queue's thread.
        /// - Returns: the write, which the caller waits for or cancels.
        public func queue(
            durability: Database.Durability? = nil, timeout: Duration? = nil,
            _ body: @escaping @Sendable (borrowing EngineTransaction<Store, Log>) throws -> Void
        ) -> ScheduledWrite {
            let write = QueuedWrite(timeout ?? core.options.writerTimeout, nil) { [self] token in
                try core.startTransaction()
                let transaction = EngineTransaction(self, token)
                try body(transaction)
                return try transaction.commitToHead(durability: durability)
            }
            let scheduled = ScheduledWrite(write) { [core] in core.queue.cancel(write) }
            core.add(write)
            return scheduled
        }

        /// Listens to every commit from now on.
        public func listen() -> ScheduledListener {
            let observer = Observer(.everything)
            core.observers.add(observer, to: core.versions)
            return ScheduledListener(
                take: { [core] in core.observers.takeReady(observer) },
                end: { [core] in core.observers.remove(observer, from: core.versions) })
        }
    }

    /// A queued write, and the wait for it.
    @_spi(Engine)
    public final class ScheduledWrite: Sendable {
        private let outcome = Guarded<Swift.Result<Void, any Error>?>(nil)
        private let isOver = Condition()
        private let leave: @Sendable () -> Void

        init(_ write: QueuedWrite, _ leave: @escaping @Sendable () -> Void) {
            self.leave = leave
            write.whenOver { [self] result in
                outcome.withLock { $0 = result }
                isOver.broadcast()
            }
        }

        /// Does what the cancellation of the task does.
        public func cancel() { leave() }

        /// Waits until the write is over.
        ///
        /// - Throws: what the task would get.
        public func wait() throws {
            let result = outcome.withLock(after: isOver, while: { $0 == nil }) { $0 }
            try result?.get()
        }
    }

    /// One who hears of commits, without a task to wait with.
    @_spi(Engine)
    public final class ScheduledListener: Sendable {
        private let take: @Sendable () -> TransactionNumber?
        private let end: @Sendable () -> Void

        init(
            take: @escaping @Sendable () -> TransactionNumber?, end: @escaping @Sendable () -> Void
        ) {
            self.take = take
            self.end = end
        }

        deinit { end() }

        /// The newest version that was told and not taken yet.
        public func next() -> TransactionNumber? { take() }
    }
#endif
