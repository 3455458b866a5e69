#if !hasFeature(Embedded)
    import PageStore
    import StorageIO
    import WAL

    extension DatabaseEngine {
        /// Queues a write transaction of a task, which goes on when it is over; see `Engine.queueWrite`.
        ///
        /// - Parameters:
        ///   - timeout: how long to wait until it begins; nil as the options say.
        ///   - place: where in the program it is called; nil for a call that goes through by itself.
        ///   - body: runs on the queue's thread. It ends the transaction, and returns what came of it together with
        ///     what the commit waits for.
        nonisolated(nonsending) func queueWrite<Result: Sendable>(
            timeout: Duration? = nil, at place: QueuedWrite.Place? = nil,
            _ body:
                @escaping @Sendable (
                    consuming EngineTransaction<Store, Log>
                ) throws -> (Result, CommitWait)
        ) async throws -> Result {
            let outcome = WriteOutcome<Result>()
            try await core.queueWrite(timeout: timeout, at: place) { [self] token in
                try core.startTransaction()
                let (result, wait) = try body(EngineTransaction(self, token))
                outcome.result = result
                return wait
            }
            guard let result = outcome.result else {
                preconditionFailure("A write that is over without an error has a result.")
            }
            return result
        }
    }

    /// What a queued write returns, on its way to the task.
    private final class WriteOutcome<Result: Sendable>: @unchecked Sendable {
        // Sendable: the queue's thread writes it before the task goes on, which alone reads it.
        var result: Result?
    }
#endif
