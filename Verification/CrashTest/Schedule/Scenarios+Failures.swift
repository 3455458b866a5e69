#if KVDB_SCHEDULES
    import DatabaseTesting
    import KVDB
    import StorageIO
    import StorageIOTesting

    extension ScheduleScenario {
        /// Failing calls beside everything else.
        static var failures: [ScheduleScenario] {
            [failingSync, failingWrite, failingCheckpoint, fullDisk]
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
