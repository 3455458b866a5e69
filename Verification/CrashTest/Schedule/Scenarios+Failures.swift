#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO
    import StorageIOTesting

    extension ScheduleScenario {
        /// Failing calls beside everything else.
        static var failures: [ScheduleScenario] {
            [failingSync, failingWrite, failingCheckpoint, fullDisk, lostWrites, anyCall]
        }

        private static func failing(
            _ name: String, _ kinds: FileOperation.Kind, after: Int, forever: Bool
        ) -> ScheduleScenario {
            var scenario = ScheduleScenario(name)
            scenario.allowed = [.inputOutput, .poisoned]
            scenario.beforeThreads = { world in
                world.files.fail(
                    operation: world.files.count(of: kinds) + after, of: kinds, forever: forever)
            }
            scenario.atEnd = { world in
                world.files.clearFaults()
                // Every commit that returned is held to the power cut at its return; what waited
                // for the failed call, and what comes later, got the error.
                guard world.failedCommits > 0 || world.database.poison == nil else {
                    throw Failure("the database is poisoned, and no commit was told")
                }
                guard world.database.poison == nil || (try? world.commit()) == nil else {
                    throw Failure("a commit went well after a failed call")
                }
                _ = try world.readNewest()
            }
            return scenario
        }

        private static var failingSync: ScheduleScenario {
            var scenario = failing(
                "a sync of the log that fails with commits waiting", .sync, after: 2,
                forever: false)
            for _ in 0..<3 {
                scenario.thread("writer") { world in
                    try world.commit()
                    try world.commit()
                }
            }
            return scenario
        }

        private static var failingWrite: ScheduleScenario {
            var scenario = failing(
                "a write of the log that fails with commits waiting", .write, after: 2,
                forever: true)
            for durability in [Durability.full, .full] {
                scenario.thread("writer") { world in
                    try world.commit(durability: durability)
                    try world.commit(durability: durability)
                }
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        private static var failingCheckpoint: ScheduleScenario {
            var scenario = failing(
                "a sync that fails in a checkpoint beside commits", .sync, after: 3,
                forever: false)
            scenario.thread("checkpoint") { world in
                defer { world.failedCommits += world.database.poison == nil ? 0 : 1 }
                try world.database.checkpoint()
                try world.database.checkpoint()
            }
            scenario.thread("writer") { world in
                for _ in 0..<2 { try world.commit() }
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        /// The sync of a superblock fails and takes with it what a transaction wrote after the sync of
        /// the checkpoint's pages. No such page is read as the whole one that lay there before.
        private static var lostWrites: ScheduleScenario {
            var scenario = ScheduleScenario("writes beside a checkpoint whose last sync fails")
            // Damaged: what is read where nothing whole lay before.
            scenario.allowed = [.inputOutput, .poisoned, .damaged]
            scenario.commitsAreFull = false
            scenario.losesNothing = false
            scenario.fillerCount = 100
            scenario.prepare = { database in
                // The free pages hold the entries as they were before.
                try database.write { try ScheduleWorld.putFillers(0..<100, 901, $0) }
            }
            scenario.beforeThreads = { world in
                try world.commit(durability: .buffered)
                world.files.failedSync = SyncFailure(.none)
                // The log's comes first, then that of the pages.
                world.files.fail(operation: world.files.count(of: .sync) + 3, of: .sync)
            }
            scenario.thread("checkpoint") { world in try world.database.checkpoint() }
            scenario.thread("writer") { world in
                try world.commit(durability: .buffered) { transaction in
                    try ScheduleWorld.putFillers(0..<100, 902, transaction)
                }
            }
            scenario.thread("reader") { world in
                // After the others, if no switch ends it early.
                System.sleep(nanoseconds: 1_000_000_000)
                try ScheduledRun.undisturbed {
                    try world.readFiller(0..<100, byteCounts: [901, 902])
                }
            }
            return scenario
        }

        /// Any one call fails, once or for ever, while three threads run; the seed says which.
        private static var anyCall: ScheduleScenario {
            var scenario = ScheduleScenario("a call that fails while threads run")
            scenario.allowed = [.inputOutput, .poisoned, .damaged]
            scenario.fillerCount = 60
            scenario.beforeThreads = { world in
                let number = Int(world.seed / 4 % 40) + 1
                world.files.failedSync = SyncFailure(world.seed % 4 < 2 ? .none : .random)
                world.files.fail(
                    operation: world.files.operationCount + number, forever: world.seed % 2 == 0)
            }
            scenario.thread("writer") { world in
                for round in 0..<2 {
                    try world.commit { transaction in
                        try ScheduleWorld.putFillers(
                            stride(from: round, to: 60, by: 3), 901, transaction)
                    }
                }
            }
            scenario.thread("checkpoint") { world in
                try world.database.checkpoint()
                try world.commit()
                try world.database.checkpoint()
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readFiller(stride(from: 0, to: 60, by: 2), byteCounts: [900, 901])
                try world.readNewest(least: seen)
            }
            scenario.atEnd = { world in
                world.files.clearFaults()
                guard world.database.poison == nil || (try? world.commit()) == nil else {
                    throw Failure("a commit went well after a failed call")
                }
                do throws(StorageError) {
                    _ = try world.database.get(ScheduleWorld.marks[0])
                } catch {
                    // A page that a failed sync may have lost is refused.
                    guard error.code == .poisoned || error.code == .damaged else { throw error }
                }
            }
            return scenario
        }

        private static var fullDisk: ScheduleScenario {
            var scenario = ScheduleScenario("a disk that is full for a while")
            scenario.allowed = [.diskFull]
            scenario.beforeThreads = { world in
                let names = ["test.db", "test.db-wal"]
                world.files.capacity = names.reduce(0) { sum, name in
                    sum + ((try? world.files.open(name, .readOnly).size()) ?? 0)
                }
            }
            scenario.thread("writer") { world in
                for number in 0..<2 {
                    try world.commit { transaction in
                        try transaction.put(
                            ScheduleWorld.filler(number), ScheduleWorld.fill(number, 3000))
                    }
                }
            }
            scenario.thread("space") { world in
                try? world.database.checkpoint()
                world.files.capacity = nil
                try world.commit()
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }
    }
#endif
