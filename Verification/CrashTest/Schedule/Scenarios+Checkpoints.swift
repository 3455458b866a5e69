#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// Checkpoints, and the recycling of the log.
        static var checkpoints: [ScheduleScenario] {
            [
                commitDuringCheckpoint, logRecycling, inlineCheckpoints, twoCheckpoints,
                unlogged, withoutLog, background, syncInterval, compaction,
            ]
        }

        private static var commitDuringCheckpoint: ScheduleScenario {
            var scenario = ScheduleScenario("commits during checkpoints")
            scenario.thread("writer") { world in
                for _ in 0..<3 { try world.commit() }
            }
            scenario.thread("checkpoint") { world in
                for _ in 0..<2 { try world.database.checkpoint() }
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        /// What SQLite had for fifteen years: a log that starts anew beside a checkpoint.
        private static var logRecycling: ScheduleScenario {
            var scenario = ScheduleScenario("a log that is recycled beside commits")
            for offset in [0, 10] {
                scenario.thread("writer") { world in
                    for round in 0..<2 {
                        let number = offset + round
                        try world.commit { transaction in
                            try transaction.put(
                                ScheduleWorld.filler(number), ScheduleWorld.fill(number, 1500))
                        }
                    }
                }
            }
            scenario.thread("checkpoint") { world in
                for _ in 0..<3 { try world.database.checkpoint() }
            }
            return scenario
        }

        private static var inlineCheckpoints: ScheduleScenario {
            var scenario = ScheduleScenario("checkpoints by the threads that commit")
            scenario.options.checkpointPolicy = .inline
            scenario.options.logBudget = 1024
            for _ in 0..<2 {
                scenario.thread("writer") { world in
                    for _ in 0..<2 { try world.commit() }
                }
            }
            return scenario
        }

        private static var twoCheckpoints: ScheduleScenario {
            var scenario = ScheduleScenario("two checkpoints beside a writer")
            scenario.thread("writer") { world in
                for _ in 0..<2 { try world.commit() }
            }
            for _ in 0..<2 {
                scenario.thread("checkpoint") { world in
                    try world.database.checkpoint()
                    try world.database.sync()
                }
            }
            return scenario
        }

        private static var unlogged: ScheduleScenario {
            var scenario = ScheduleScenario("a transaction too large for the log")
            scenario.options.loggedTransactionLimit = 2000
            scenario.thread("large") { world in
                try world.commit { transaction in
                    for number in 0..<6 {
                        try transaction.put(
                            ScheduleWorld.filler(number), ScheduleWorld.fill(number, 900))
                    }
                }
            }
            scenario.thread("small") { world in
                for _ in 0..<2 { try world.commit() }
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        private static var withoutLog: ScheduleScenario {
            var scenario = ScheduleScenario("commits without a log")
            scenario.options.usesLog = false
            scenario.commitsAreFull = false
            scenario.thread("full") { world in try world.commit() }
            scenario.thread("buffered") { world in
                let number = try world.commit(durability: .buffered)
                try world.readNewest(least: number)
                try world.database.sync()
                world.expect(number, "when a sync returned")
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        private static var background: ScheduleScenario {
            var scenario = ScheduleScenario("the database's own thread")
            scenario.options.checkpointPolicy = .automatic
            scenario.options.logBudget = 1024
            scenario.commitsAreFull = false
            scenario.thread("full") { world in
                for _ in 0..<2 { try world.commit() }
            }
            scenario.thread("written") { world in
                let number = try world.commit(durability: .written)
                // A schedule can end three sleeps at once; the others end when nothing else goes on,
                // and by then the database's own thread has synced.
                for _ in 0..<5 { System.sleep(nanoseconds: 3_000_000_000) }
                world.expect(number, "long after a written commit")
            }
            return scenario
        }

        /// Nothing but the interval makes these commits durable. The second one comes at the moment when
        /// the sync for the first is due.
        private static var syncInterval: ScheduleScenario {
            var scenario = ScheduleScenario("the interval of the background sync")
            scenario.options.checkpointPolicy = .automatic
            scenario.options.logBudget = 1 << 20
            scenario.options.syncInterval = .milliseconds(100)
            scenario.commitsAreFull = false
            for delay in [0, 100_000_001] as [UInt64] {
                scenario.thread("weaker") { world in
                    if delay > 0 { System.sleep(nanoseconds: delay) }
                    let number = try world.commit(durability: delay > 0 ? .buffered : .written)
                    // A switch may cut a sleep short. Another sleep ends only when nothing else goes on,
                    // and so after the sync whose time came before.
                    for _ in 0..<5 { System.sleep(nanoseconds: 210_000_000) }
                    world.expect(number, "two intervals after a weaker commit")
                }
            }
            return scenario
        }

        private static var compaction: ScheduleScenario {
            var scenario = ScheduleScenario("a compaction beside a reader and a writer")
            scenario.fillerCount = 24
            scenario.prepare = { database in
                try database.write { transaction in
                    for number in 0..<24 where number % 3 != 0 {
                        try transaction.delete(ScheduleWorld.filler(number))
                    }
                }
            }
            scenario.thread("compaction") { world in try world.database.compact() }
            scenario.thread("writer") { world in
                for _ in 0..<2 { try world.commit() }
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readFiller([0, 21])
                try world.readNewest(least: seen)
            }
            return scenario
        }
    }
#endif
