#if !hasFeature(Embedded)
    import StorageIO
    import Synchronization

    extension CommittingTable {
        /// Loads many entries as one atomic change, as the blocking call of this name does. Tasks that write wait.
        ///
        /// - Parameters:
        ///   - entries: pairs of a key and a value. They are asked for on a thread of the database.
        ///   - progress: gets the entries loaded so far, now and then, on that thread. What it throws undoes all.
        /// - Returns: how many entries there were.
        /// - Throws: `CancellationError` if the task is cancelled, at the next place where the database tells of its
        ///   progress, and nothing has changed; as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func load(
            _ entries: sending some Sequence<(key: Key, value: Value)> & SendableMetatype,
            progress: @Sendable (Database.Progress) throws -> Void = { _ in }
        ) async throws -> ImportReport {
            let table = DatabaseTable<Key, Value>(source)
            let sent = Sent(entries)
            return try await table.loading(progress) { progress in
                try table.load(sent.value, progress: progress)
            }
        }

        /// Loads many entries as one atomic change; see `load(_:progress:)` with pairs that have names.
        ///
        /// - Parameters:
        ///   - entries: pairs of a key and a value. They are asked for on a thread of the database.
        ///   - progress: gets the entries loaded so far, now and then, on that thread. What it throws undoes all.
        /// - Returns: how many entries there were.
        /// - Throws: as there.
        @discardableResult
        nonisolated(nonsending) public func load(
            _ entries: sending some Sequence<(Key, Value)> & SendableMetatype,
            progress: @Sendable (Database.Progress) throws -> Void = { _ in }
        ) async throws -> ImportReport {
            let table = DatabaseTable<Key, Value>(source)
            let sent = Sent(entries)
            return try await table.loading(progress) { progress in
                try table.load(sent.value, progress: progress)
            }
        }

        /// Loads the entries of an asynchronous sequence as one atomic change: all of them are there afterwards or, after any
        /// error, none. Tasks that write wait until the sequence has ended, so it must not wait for one of them.
        ///
        /// ```swift
        /// try await database[.words].load(from: file.lines.map { (key: $0, value: 1) })
        /// ```
        ///
        /// The entries are taken in batches, of which one is gathered while another one is loaded.
        ///
        /// - Parameters:
        ///   - entries: pairs of a key and a value. What it throws undoes all.
        ///   - progress: gets the entries loaded so far, now and then, on a thread of the database. What it throws undoes all.
        /// - Returns: how many entries there were.
        /// - Throws: `CancellationError` if the task is cancelled, also where the sequence ends for that, and nothing has
        ///   changed; what `entries` throws; as the blocking call.
        @discardableResult
        nonisolated(nonsending) public func load<Entries: AsyncSequence & SendableMetatype>(
            from entries: sending Entries,
            progress: @Sendable (Database.Progress) throws -> Void = { _ in }
        ) async throws -> ImportReport where Entries.Element == (key: Key, value: Value) {
            let table = DatabaseTable<Key, Value>(source)
            let batches = EntryChannel<Key, Value>()
            let sent = Sent(entries)
            // It is cancelled when the load is over, for whatever reason.
            async let _ = batches.send(sent)
            return try await table.load(batches, progress)
        }
    }

    extension DatabaseTable {
        /// Runs a load on a thread of the database.
        nonisolated(nonsending) fileprivate func loading(
            _ progress: @Sendable (Database.Progress) throws -> Void,
            _ work:
                @escaping @Sendable (
                    _ progress: (Database.Progress) throws -> Void
                ) throws -> ImportReport
        ) async throws -> ImportReport {
            guard case .newest(let engine) = source.origin else {
                throw StorageError(.invalidArgument, "A bulk load is a transaction of its own.")
            }
            return try await engine.core.perform(progress, work)
        }

        /// Loads what comes through a channel.
        nonisolated(nonsending) fileprivate func load(
            _ batches: EntryChannel<Key, Value>,
            _ progress: @Sendable (Database.Progress) throws -> Void
        ) async throws -> ImportReport {
            defer { batches.close() }
            return try await withTaskCancellationHandler {
                try await loading(progress) { progress in
                    try load(progress: progress, next: { try batches.next() })
                }
            } onCancel: {
                // The thread may be waiting for a batch.
                batches.end(CancellationError())
            }
        }
    }

    /// Entries on their way from a task to the thread that loads them: one batch at a time.
    private final class EntryChannel<Key: OrderedKey, Value: StoredValue>: Sendable {
        private struct State {
            /// What the thread takes next.
            var batch: [(key: Key, value: Value)] = []
            /// What it goes through, backward.
            var current: [(key: Key, value: Value)] = []
            var end: Result<Void, any Error>?
            /// Whether the thread takes no more.
            var isClosed = false
            /// The task, while it waits for the batch to be taken.
            var sender: CheckedContinuation<Void, Never>?
        }

        private let state = Guarded(State())
        private let arrival = Condition()

        private static var batchCount: Int { 256 }

        /// Sends all entries of a sequence, and its end.
        func send<Entries: AsyncSequence & SendableMetatype>(
            _ entries: Sent<Entries>
        ) async where Entries.Element == (key: Key, value: Value) {
            do {
                try await send(contentsOf: entries.value)
                // The sequences of cancelled tasks mostly just end.
                try Task.checkCancellation()
                end(nil)
            } catch {
                end(error)
            }
        }

        private func send<Entries: AsyncSequence & SendableMetatype>(
            contentsOf entries: Entries
        ) async throws where Entries.Element == (key: Key, value: Value) {
            var batch: [(key: Key, value: Value)] = []
            for try await entry in entries {
                batch.append(entry)
                guard batch.count == Self.batchCount else { continue }
                guard await send(batch) else { return }
                batch = []
            }
            _ = await send(batch)
        }

        /// Sends a batch when the one before has been taken. Returns false if nobody takes it.
        private func send(_ batch: [(key: Key, value: Value)]) async -> Bool {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    guard !state.batch.isEmpty, !state.isClosed, state.end == nil else {
                        return true
                    }
                    state.sender = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
            return state.withLock { state in
                guard !state.isClosed else { return false }
                state.batch = batch
                arrival.signal()
                return true
            }
        }

        /// Sends the end, after an error or without one. The first end counts.
        func end(_ error: (any Error)?) {
            state.withLock { state in
                if state.end == nil { state.end = error.map { .failure($0) } ?? .success(()) }
                arrival.signal()
                return state.sender.take()
            }?.resume()
        }

        /// Takes no more.
        func close() {
            state.withLock { state in
                state.isClosed = true
                return state.sender.take()
            }?.resume()
        }

        /// Waits for the next entry, on the thread that loads. Returns nil at the end.
        func next() throws -> (key: Key, value: Value)? {
            try state.withLock(
                after: arrival,
                while: { $0.current.isEmpty && $0.batch.isEmpty && $0.end == nil }
            ) { state in
                if case .failure(let error) = state.end { throw error }
                if state.current.isEmpty {
                    state.current = state.batch.reversed()
                    state.batch = []
                    // It only becomes able to run.
                    state.sender.take()?.resume()
                }
                guard let entry = state.current.popLast() else {
                    return nil as (key: Key, value: Value)?
                }
                return entry
            }
        }
    }
#endif
