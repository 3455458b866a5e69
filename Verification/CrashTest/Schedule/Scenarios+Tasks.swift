#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO
    import Synchronization

    extension ScheduleScenario {
        /// Writes that tasks queue, and those who hear of commits.
        static var tasks: [ScheduleScenario] {
            [
                queuedBesideBegun, cancelledInTheQueue, lateInTheQueue, closeAndQueue,
                queuedBesideAFailingSync, listenerFromTheStart, listenersThatComeAndGo,
            ]
        }

        private static var queuedBesideBegun: ScheduleScenario {
            var scenario = ScheduleScenario("queued writes beside a transaction that is begun")
            for _ in 0..<2 {
                scenario.thread("task") { world in
                    let number = try world.commitQueued()
                    try world.readNewest(least: number)
                }
            }
            scenario.thread("writer") { world in
                for _ in 0..<2 { try world.commit() }
            }
            return scenario
        }

        /// What was cancelled and says so is not there; what says nothing is.
        private static var cancelledInTheQueue: ScheduleScenario {
            var scenario = ScheduleScenario("a queued write is cancelled")
            scenario.thread("task") { world in
                let write = world.queue { transaction in
                    try transaction.put(Array("cancelled".utf8), [1])
                }
                write.cancel()
                do {
                    try write.wait()
                    try world.expectEntry("cancelled", true)
                } catch is CancellationError {
                    try world.expectEntry("cancelled", false)
                    // A second look: the queue's thread may come to it later.
                    try world.commitQueued()
                    try world.expectEntry("cancelled", false)
                }
            }
            for _ in 0..<2 {
                scenario.thread("other task") { world in try world.commitQueued() }
            }
            return scenario
        }

        private static var lateInTheQueue: ScheduleScenario {
            var scenario = ScheduleScenario("queued writes whose time ends beside others")
            scenario.allowed = [.timedOut]
            scenario.thread("holder") { world in
                try world.commit()
                try world.commit()
            }
            for timeout in [.zero, .milliseconds(1)] as [Duration] {
                scenario.thread("in a hurry") { world in try world.commitQueued(timeout: timeout) }
            }
            scenario.thread("patient") { world in try world.commitQueued() }
            return scenario
        }

        private static var closeAndQueue: ScheduleScenario {
            var scenario = ScheduleScenario("closing beside queued writes")
            scenario.closesDatabase = true
            scenario.allowed = [.closed, .busy]
            scenario.thread("close") { world in try world.database.close() }
            for _ in 0..<2 {
                scenario.thread("task") { world in
                    for _ in 0..<2 { try world.commitQueued() }
                }
            }
            return scenario
        }

        private static var queuedBesideAFailingSync: ScheduleScenario {
            var scenario = ScheduleScenario("a log's sync that fails with queued writes waiting")
            scenario.allowed = [.inputOutput, .poisoned]
            scenario.beforeThreads = { world in
                world.files.fail(operation: world.files.count(of: .sync) + 2, of: .sync)
            }
            for _ in 0..<3 {
                scenario.thread("task") { world in
                    for _ in 0..<2 { try world.commitQueued() }
                }
            }
            scenario.atEnd = { world in
                world.files.clearFaults()
                guard world.failedCommits > 0 || world.database.poison == nil else {
                    throw Failure("the database is poisoned, and no task was told")
                }
                _ = try world.readNewest()
            }
            return scenario
        }

        /// Who listens hears of the last commit, and never of one that readers can't see.
        private static var listenerFromTheStart: ScheduleScenario {
            var scenario = ScheduleScenario("a listener beside commits")
            scenario.commitsAreFull = false
            scenario.thread("listener") { world in
                let listener = world.database.listen()
                var seen = try world.readNewest()
                for _ in 0..<3 {
                    seen = try world.readIfTold(listener, seen)
                    System.yield()
                }
                world.listeners.append((listener, seen))
            }
            scenario.thread("writer") { world in try world.commit() }
            // It returns while readers can't see it yet, since the one before it waits for the log.
            scenario.thread("other writer") { world in
                try world.commit(durability: .buffered)
            }
            scenario.thread("task") { world in try world.commitQueued() }
            scenario.thread("sync") { world in try world.database.checkpoint() }
            scenario.atEnd = { world in try world.checkListeners() }
            return scenario
        }

        private static var listenersThatComeAndGo: ScheduleScenario {
            var scenario = ScheduleScenario("listeners come and go beside commits")
            scenario.focus = "KVDB/Observers.swift KVDB/VersionQueue.swift"
            scenario.commitsAreFull = false
            for durability in [Durability.full, .buffered] {
                scenario.thread("writer") { world in
                    for _ in 0..<2 { try world.commit(durability: durability) }
                }
            }
            scenario.thread("listener") { world in
                let passing = world.database.listen()
                let listener = world.database.listen()
                _ = consume passing
                // What this sees was there when the listener came; what comes later is told.
                world.listeners.append((listener, try world.readNewest()))
            }
            scenario.atEnd = { world in try world.checkListeners() }
            return scenario
        }
    }

    extension ScheduleWorld {
        /// Queues a write as a task does.
        func queue(
            durability: Durability? = nil, timeout: Duration? = nil,
            _ body: @escaping @Sendable (borrowing SimulatedTransaction) throws -> Void
        ) -> ScheduledWrite {
            database.queue(durability: durability, timeout: timeout, body)
        }

        /// Commits the next number by the queue of the tasks.
        @discardableResult
        func commitQueued(timeout: Duration? = nil) throws -> Int {
            let written = Atomic(0)
            let write = queue(timeout: timeout) { transaction in
                let number =
                    try transaction.get(Self.marks[0]).map(Self.number(of:)).map { $0 + 1 } ?? 1
                for key in Self.marks { try transaction.put(key, Self.value(number)) }
                written.store(number, ordering: .relaxed)
            }
            let number: Int
            do {
                try write.wait()
                number = written.load(ordering: .relaxed)
            } catch {
                noteFailure(mayBeThere: written.load(ordering: .relaxed) != 0)
                throw error
            }
            noteCommit(number, nil)
            return number
        }

        /// Sees that an entry is there, or not.
        func expectEntry(_ key: String, _ isThere: Bool) throws {
            let found = try database.get(Array(key.utf8)) != nil
            guard found == isThere else {
                throw Failure("\(key) is \(found ? "" : "not ")there")
            }
        }

        /// Reads again if the listener was told of a version, which readers get then.
        ///
        /// - Parameter seen: the number that was read last.
        /// - Returns: the number that was read last.
        func readIfTold(_ listener: ScheduledListener, _ seen: Int) throws -> Int {
            guard let version = listener.next() else { return seen }
            let snapshot = try database.snapshot()
            guard snapshot.transaction >= version else {
                throw Failure(
                    "told of version \(version), while readers get \(snapshot.transaction)")
            }
            return try read(snapshot, least: seen)
        }

        /// Sees that every listener that reads again when it is told has read the newest number.
        func checkListeners() throws {
            try database.sync()
            let newest = try readNewest()
            for (listener, seen) in listeners {
                let read = try readIfTold(listener, seen)
                guard read == newest else {
                    throw Failure("a listener was not told of \(newest): it has read \(read)")
                }
            }
            listeners = []
        }
    }
#endif
