#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// Readers and writers, and the group commit.
        static var commits: [ScheduleScenario] {
            [
                readerAndWriter, twoWriters, threeWriters, buffered, abort, timedBegin,
                batchesOfReads, reuseBesideReaders,
            ]
        }

        private static var readerAndWriter: ScheduleScenario {
            var scenario = ScheduleScenario("a reader beside a writer")
            // Several leaves, or a page used too early holds a whole, newer tree.
            scenario.fillerCount = 12
            scenario.thread("writer") { world in
                for _ in 0..<3 { try world.commit() }
            }
            scenario.thread("reader") { world in
                var seen = 0
                for _ in 0..<3 { seen = try world.readNewest(least: seen) }
            }
            return scenario
        }

        private static var twoWriters: ScheduleScenario {
            var scenario = ScheduleScenario("two writers hand the log's sync on")
            for _ in 0..<2 {
                scenario.thread("writer") { world in
                    for _ in 0..<2 {
                        let number = try world.commit()
                        try world.readNewest(least: number)
                    }
                }
            }
            return scenario
        }

        private static var threeWriters: ScheduleScenario {
            var scenario = ScheduleScenario("three writers of unlike durability")
            scenario.commitsAreFull = false
            for durability in [Durability.full, .written, .full] {
                scenario.thread("writer") { world in
                    let number = try world.commit(durability: durability)
                    try world.readNewest(least: number)
                }
            }
            scenario.thread("sync") { world in
                let number = try world.readNewest()
                try world.database.sync()
                world.expect(number, "when a sync returned")
            }
            return scenario
        }

        private static var buffered: ScheduleScenario {
            var scenario = ScheduleScenario("buffered commits, synced by a full one")
            scenario.commitsAreFull = false
            scenario.thread("buffered") { world in
                for _ in 0..<2 {
                    let number = try world.commit(durability: .buffered)
                    try world.readNewest(least: number)
                }
                let number = try world.readNewest()
                try world.database.sync()
                world.expect(number, "when a sync returned")
            }
            scenario.thread("full") { world in
                for _ in 0..<2 { try world.commit() }
            }
            return scenario
        }

        private static var abort: ScheduleScenario {
            var scenario = ScheduleScenario("an abort beside a commit, a checkpoint and a reader")
            scenario.thread("aborts") { world in
                for _ in 0..<2 {
                    let transaction = try world.database.begin()
                    for key in ScheduleWorld.marks {
                        try transaction.put(key, ScheduleWorld.value(99))
                    }
                    transaction.abort()
                }
            }
            scenario.thread("commits") { world in
                try world.commit()
                try world.database.checkpoint()
                try world.commit()
            }
            scenario.thread("reader") { world in
                let seen = try world.readNewest()
                try world.readNewest(least: seen)
            }
            return scenario
        }

        private static var timedBegin: ScheduleScenario {
            var scenario = ScheduleScenario("a begin whose time ends beside begins without limit")
            scenario.allowed = [.timedOut]
            scenario.thread("holder") { world in
                try world.commit()
                try world.commit()
            }
            for timeout in [.milliseconds(1), .zero] as [Duration] {
                scenario.thread("in a hurry") { world in
                    try world.commit(timeout: timeout)
                }
            }
            scenario.thread("patient") { world in try world.commit() }
            return scenario
        }

        /// A page may go to the next writer the moment that no reader can get its version any more.
        private static var reuseBesideReaders: ScheduleScenario {
            var scenario = ScheduleScenario("writers use the pages of versions that readers left")
            scenario.commitsAreFull = false
            for _ in 0..<2 {
                scenario.thread("writer") { world in
                    for _ in 0..<2 { try world.commit(durability: .buffered) }
                }
            }
            scenario.thread("reader") { world in
                var seen = 0
                for _ in 0..<3 {
                    seen = try world.readNewest(least: seen)
                    System.yield()
                }
            }
            return scenario
        }

        private static var batchesOfReads: ScheduleScenario {
            var scenario = ScheduleScenario("more readers than slots")
            scenario.commitsAreFull = false
            scenario.thread("writer") { world in
                for _ in 0..<4 { try world.commit(durability: .buffered) }
            }
            for _ in 0..<2 {
                scenario.thread("reader") { world in
                    let first = try world.database.snapshot()
                    let number = try world.read(first)
                    let second = try world.database.snapshot()
                    try world.read(second, least: number)
                    try world.read(first)
                }
            }
            return scenario
        }
    }
#endif
