#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// The cache's pages, and which of them may be used anew.
        static var pages: [ScheduleScenario] {
            [oldSnapshot, releasedSnapshots, evictionAndLoading, evictionAndWriting, overflowRuns]
        }

        private static var oldSnapshot: ScheduleScenario {
            var scenario = ScheduleScenario("an old snapshot beside pages that are used anew")
            scenario.thread("holder") { world in
                let old = try world.database.snapshot()
                let number = try world.read(old)
                guard try world.read(old) == number else { throw Failure("it changed") }
                guard try world.read(old) == number else { throw Failure("it changed") }
            }
            scenario.thread("writer") { world in
                for _ in 0..<2 {
                    try world.commit()
                    try world.database.checkpoint()
                }
                try world.commit()
            }
            return scenario
        }

        private static var releasedSnapshots: ScheduleScenario {
            var scenario = ScheduleScenario("snapshots that end while pages are freed")
            for _ in 0..<2 {
                scenario.thread("reader") { world in
                    var seen = 0
                    for _ in 0..<2 { seen = try world.readNewest(least: seen) }
                }
            }
            scenario.thread("writer") { world in
                for _ in 0..<3 { try world.commit(durability: .buffered) }
                try world.database.checkpoint()
                try world.commit()
            }
            scenario.commitsAreFull = false
            return scenario
        }

        /// The cache holds 16 clean pages, and there are some 40.
        private static var evictionAndLoading: ScheduleScenario {
            var scenario = ScheduleScenario("two readers load what is being evicted")
            scenario.fillerCount = 120
            scenario.thread("upwards") { world in
                try world.readFiller(stride(from: 0, to: 120, by: 5))
                try world.readFiller([0, 60])
            }
            scenario.thread("downwards") { world in
                try world.readFiller(stride(from: 115, through: 0, by: -5))
            }
            return scenario
        }

        private static var evictionAndWriting: ScheduleScenario {
            var scenario = ScheduleScenario("a writer and a checkpoint beside evictions")
            scenario.fillerCount = 120
            scenario.thread("reader") { world in
                try world.readFiller(stride(from: 0, to: 120, by: 5))
                try world.readNewest()
            }
            scenario.thread("writer") { world in
                for round in 0..<2 {
                    try world.commit { transaction in
                        for number in stride(from: 10 * round, to: 120, by: 40) {
                            try transaction.put(
                                ScheduleWorld.filler(number), ScheduleWorld.fill(number, 900))
                        }
                    }
                    try world.database.checkpoint()
                }
            }
            return scenario
        }

        private static var overflowRuns: ScheduleScenario {
            var scenario = ScheduleScenario("overflow runs are read, evicted and replaced")
            scenario.fillerCount = 10
            scenario.fillerByteCount = 9000
            scenario.thread("reader") { world in
                try world.readFiller(0..<10)
                try world.readFiller([1, 2])
            }
            scenario.thread("other reader") { world in
                try world.readFiller((0..<10).reversed())
            }
            scenario.thread("writer") { world in
                for number in [2, 7] {
                    try world.commit { transaction in
                        try transaction.put(
                            ScheduleWorld.filler(number), ScheduleWorld.fill(number, 9000))
                    }
                }
                try world.database.checkpoint()
            }
            return scenario
        }
    }
#endif
