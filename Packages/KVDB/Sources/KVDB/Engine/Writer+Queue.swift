#if !hasFeature(Embedded)
    import PageStore
    import StorageIO
    import WAL

    // The writes of tasks: from the queue to the head one by one, then a wait for all of them.
    extension Engine {
        /// Queues a write of a task, which goes on when the write is over.
        ///
        /// - Parameters:
        ///   - timeout: how long to wait until it begins; nil as the options say.
        ///   - place: where in the program it is called.
        ///   - changes: makes the changes with the writer lock held.
        /// - Throws: what `changes` throws; `timedOut`, `closed`, `readOnly`, `poisoned`; `CancellationError` if the
        ///   task is cancelled before the write begins; what the wait for the log throws.
        nonisolated(nonsending) func queueWrite(
            timeout: Duration?, at place: QueuedWrite.Place?,
            _ changes: @escaping QueuedWrite.Changes
        ) async throws {
            try requireWritable()
            guard timeout ?? .zero >= .zero else {
                throw StorageError(
                    .invalidArgument, "A timeout must not be negative.", path: path)
            }
            // Without a place it is behind the queue's thread, which has others to do first.
            let blocker = events == nil ? nil : writerLock.currentHolder ?? .call
            let write = QueuedWrite(
                timeout ?? options.writerTimeout, place, behind: blocker, changes)
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    write.whenOver { continuation.resume(with: $0) }
                    add(write)
                }
            } onCancel: {
                queue.cancel(write)
            }
        }

        /// Adds a write to the queue, whose thread begins with the first.
        func add(_ write: QueuedWrite) {
            let isUrgent = queue.add(write, refusal: closingError) { () throws(StorageError) in
                try SystemThread { [self] in runQueuedWrites() }
            }
            if isUrgent { writerLock.lookAgain() }
        }

        /// Ends what tasks wait for: the queue with its thread (``WriteQueue/close(_:interrupt:)``), and the other
        /// threads, which are not waited for.
        func closeQueues() {
            queue.close(closingError()) { writerLock.lookAgain() }
            readers.close(closingError())
            workers.close(closingError())
        }

        /// The error of what comes too late.
        func closingError() -> StorageError {
            StorageError(.closed, "The database is being closed.", path: path)
        }

        // MARK: The thread

        /// The most writes that share a wait: the first of them waits for the changes of the last.
        private static var batchLimit: Int { 1024 }

        /// What the queue's thread does: runs what has gathered, waits once for all of that, and lets the tasks go on.
        private func runQueuedWrites() {
            queue.enterThread()
            defer { queue.leaveThread() }
            var begun: [BegunWrite] = []
            var lastCount = 0
            while queue.awaitWork(expected: lastCount) {
                while begun.count < Self.batchLimit, runNextWrite(&begun) {}
                lastCount = begun.count
                for write in begun { complete(write) }
                begun.removeAll(keepingCapacity: true)
            }
        }

        /// Brings the next write of the queue to the head, and adds it to `begun` if it has to wait then.
        ///
        /// The write stays in the queue, where it can be cancelled, until the writer lock is there for it. While others
        /// have begun, nobody waits for that lock: they wait for the log only.
        ///
        /// - Returns: whether to go on with another one.
        private func runNextWrite(_ begun: inout [BegunWrite]) -> Bool {
            guard let next = queue.first else { return false }
            let mayWait = begun.isEmpty
            if isReliefDue {
                guard mayWait else { return false }
                do throws(StorageError) { try relieve() } catch { return refuseNext(error) }
            }
            switch writerLock.acquire(next.use, until: { mayWait ? queue.earliestDeadline : 0 }) {
            case .taken(let token):
                guard let write = queue.takeFirst({ lateError() }, note: noteWait) else {
                    return false
                }
                noteWait(write)
                // The first may have left while this thread waited.
                if write !== next { token.note(write.use) }
                run(write, token, &begun)
                return true
            case .timedOut(let holder):
                if mayWait { queue.expire(lateError(holder), note: noteWait) }
                deliverEvents()
                return mayWait
            case .heldByCaller:
                preconditionFailure("The queue's thread begins one write at a time.")
            }
        }

        private func refuseNext(_ error: StorageError) -> Bool {
            guard let write = queue.takeFirst({ lateError() }, note: noteWait) else { return false }
            queue.end(write, .failure(error))
            return true
        }

        /// Notes how long a write was in the queue.
        private func noteWait(_ write: QueuedWrite) {
            noteWait(since: write.start, behind: write.blocker)
        }

        private func run(
            _ write: QueuedWrite, _ token: consuming WriterToken, _ begun: inout [BegunWrite]
        ) {
            do {
                try requireWritable()
                try lifecycle.requireNotClosing()
                begun.append(BegunWrite(write: write, wait: try write.run(token)))
            } catch {
                queue.end(write, .failure(error))
                return
            }
            // What waits for nothing does not wait for those behind it.
            guard let last = begun.last, isOver(last.wait) else { return }
            begun.removeLast()
            complete(last)
        }

        /// Waits for what a write still has to wait for, and lets its task go on.
        private func complete(_ begun: BegunWrite) {
            do throws(StorageError) {
                try complete(begun.wait)
                queue.end(begun.write, .success(()))
            } catch {
                queue.end(begun.write, .failure(error))
            }
        }
    }

    /// A write whose version is the head, or was.
    private struct BegunWrite {
        let write: QueuedWrite
        let wait: CommitWait
    }
#endif
