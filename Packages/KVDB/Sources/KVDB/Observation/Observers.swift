#if !hasFeature(Embedded)
    import PageStore
    import StorageIO
    import Synchronization

    /// Those who want to know which commits touch some keys.
    ///
    /// A commit comes here twice, and only where somebody listens: when it has become the head, with what it touched, which is
    /// noted for those whom it concerns (``note(_:_:)``); and when readers can see it, to tell them
    /// (``deliver(through:failure:)``). Nobody waits for them: what an observer has not taken yet is one number, the newest
    /// version that touched its keys.
    ///
    /// Its lock (number 3 in "Locks", `Docs/Architecture.md`) guards every observer too. That of the versions may be taken
    /// under it. Tasks go on without it.
    final class Observers: Sendable {
        fileprivate struct State {
            var all: [ObjectIdentifier: Observer] = [:]
            /// Those for whom a version is noted that readers could not see yet.
            var noted: [ObjectIdentifier: Observer] = [:]
            var failure: StorageError?
            var isEnded = false
        }

        private let state = Guarded(State())
        /// Whether there are any.
        private let isListened = Atomic(false)

        /// Whether anybody has to be told anything: all that a commit pays where nobody listens.
        var hasAny: Bool { isListened.load(ordering: .relaxed) }

        // MARK: Who listens

        /// Adds an observer, who is told every version above those that readers can see now.
        ///
        /// - Parameters:
        ///   - observer: a new one.
        ///   - versions: whose commits it listens to.
        func add(_ observer: Observer, to versions: borrowing VersionQueue) {
            state.withLock { state in
                guard !state.isEnded else { return }
                state.all[ObjectIdentifier(observer)] = observer
                isListened.store(true, ordering: .relaxed)
                let (newest, head) = versions.setObserved(true)
                guard head > newest else { return }
                // Those between became the head while nobody may have listened, so what they touched is not known.
                observer.note(head, .everything)
                state.noteReady(observer)
            }
        }

        /// Adds an observer to whom the same is told that `other`, which is still there, was told and has not taken.
        func add(_ observer: Observer, like other: Observer) {
            state.withLock { state in
                observer.takeOver(other)
                guard !state.isEnded else { return }
                state.all[ObjectIdentifier(observer)] = observer
                state.noteReady(observer)
            }
        }

        func remove(_ observer: Observer, from versions: borrowing VersionQueue) {
            state.withLock { state in
                state.all[ObjectIdentifier(observer)] = nil
                state.noted[ObjectIdentifier(observer)] = nil
                guard state.all.isEmpty, !state.isEnded else { return }
                isListened.store(false, ordering: .relaxed)
                _ = versions.setObserved(false)
            }
        }

        /// How many there are.
        var count: Int { state.withLock { $0.all.count } }

        /// How many of them wait.
        var waiterCount: Int {
            state.withLock { state in state.all.values.count { $0.waiter != nil } }
        }

        /// How many of them have something to take.
        var readyCount: Int { state.withLock { state in state.all.values.count { $0.hasReady } } }

        // MARK: Commits

        /// Notes what a version has touched that has just become the head. The caller holds the writer lock.
        func note(_ version: TransactionNumber, _ touched: TableKeys) {
            guard !touched.isEmpty else { return }
            state.withLock { state in
                for observer in state.all.values where observer.note(version, touched) {
                    state.noteReady(observer)
                }
            }
        }

        /// Tells those whom the versions up to `newest` concern, which readers can see now. The caller holds no lock.
        ///
        /// - Parameters:
        ///   - newest: the newest version that readers can see.
        ///   - failure: why there will be no other one, if that is so.
        func deliver(through newest: TransactionNumber, failure: StorageError?) {
            let woken = state.withLock { state -> [Observer.Waiter] in
                var woken: [Observer.Waiter] = []
                for (id, observer) in state.noted {
                    observer.makeReady(through: newest)
                    if observer.isDone { state.noted[id] = nil }
                    if observer.hasReady, let waiter = observer.takeWaiter() {
                        waiter.outcome = .success(observer.takeReady())
                        woken.append(waiter)
                    }
                }
                guard let failure, state.failure == nil else { return woken }
                state.failure = failure
                return woken + state.endWaiting(.failure(failure))
            }
            for waiter in woken { waiter.wake() }
        }

        /// Ends what observers wait for: the database is closed.
        func finish(through newest: TransactionNumber) {
            deliver(through: newest, failure: nil)
            let woken = state.withLock { state in
                state.isEnded = true
                defer { (state.all, state.noted) = ([:], [:]) }
                return state.endWaiting(.success(nil))
            }
            for waiter in woken { waiter.wake() }
        }

        // MARK: Waiting

        /// Waits for a version that touches the observer's keys.
        ///
        /// - Returns: the newest of those that were not returned yet; nil when the database is closed, and when the task is
        ///   cancelled.
        /// - Throws: the failure after which no other version comes.
        nonisolated(nonsending) func next(
            for observer: Observer
        ) async throws(StorageError) -> TransactionNumber? {
            let waiter = Observer.Waiter()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    waiter.resume = { continuation.resume() }
                    wait(waiter, for: observer)
                }
            } onCancel: {
                cancel(waiter, for: observer)
            }
            return try waiter.outcome.get()
        }

        private func wait(_ waiter: Observer.Waiter, for observer: Observer) {
            let over = state.withLock { state -> Observer.Waiter? in
                if waiter.isCancelled {
                    waiter.outcome = .success(nil)
                } else if observer.hasReady {
                    waiter.outcome = .success(observer.takeReady())
                } else if state.isEnded {
                    waiter.outcome = .success(nil)
                } else if let failure = state.failure {
                    waiter.outcome = .failure(failure)
                } else {
                    // An iterator has one task. Should another one wait, its wait is over.
                    let other = observer.takeWaiter()
                    observer.waiter = waiter
                    return other
                }
                return waiter
            }
            over?.wake()
        }

        private func cancel(_ waiter: Observer.Waiter, for observer: Observer) {
            let wasWaiting = state.withLock { _ in
                waiter.isCancelled = true
                guard observer.waiter === waiter else { return false }
                observer.waiter = nil
                waiter.outcome = .success(nil)
                return true
            }
            if wasWaiting { waiter.wake() }
        }

        #if KVDB_SCHEDULES
            /// Takes what an observer has to be told now, without a wait.
            func takeReady(_ observer: Observer) -> TransactionNumber? {
                state.withLock { _ in observer.takeReady() }
            }
        #endif

        // MARK: What is listened to

        /// Lets the observer keep what every commit touches until ``listen(_:to:since:)``.
        func record(for observer: Observer) {
            state.withLock { _ in observer.record() }
        }

        /// Lets the observer listen to some keys. What has been recorded of them above a version counts.
        func listen(_ observer: Observer, to keys: TableKeys, since version: TransactionNumber) {
            state.withLock { state in
                observer.listen(to: keys, since: version)
                state.noteReady(observer)
            }
        }
    }

    extension Observers.State {
        /// Lets the next delivery look at an observer, if it has anything to be told.
        fileprivate mutating func noteReady(_ observer: Observer) {
            guard !observer.isDone, !isEnded else { return }
            noted[ObjectIdentifier(observer)] = observer
        }

        /// Takes out all who wait.
        fileprivate func endWaiting(
            _ outcome: Result<TransactionNumber?, StorageError>
        ) -> [Observer.Waiter] {
            all.values.compactMap { observer in
                let waiter = observer.takeWaiter()
                waiter?.outcome = outcome
                return waiter
            }
        }
    }
#endif
