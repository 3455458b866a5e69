#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// Closing beside everything else, and opening.
        static var closing: [ScheduleScenario] {
            [
                closeAndCommit, closeAndRead, closeAndBegin, twoCloses, closeAndCompact,
                closeAndBackground, lastHandle, twoCreations, closeAndOpen,
            ]
        }

        private static func closing(_ name: String) -> ScheduleScenario {
            var scenario = ScheduleScenario(name)
            scenario.closesDatabase = true
            // Busy: the five seconds that a close waits for a writer may always be over.
            scenario.allowed = [.closed, .busy]
            scenario.thread("close") { world in try world.database.close() }
            return scenario
        }

        private static var closeAndCommit: ScheduleScenario {
            var scenario = closing("closing beside commits")
            for _ in 0..<2 {
                scenario.thread("writer") { world in
                    for _ in 0..<2 { try world.commit() }
                }
            }
            return scenario
        }

        private static var closeAndRead: ScheduleScenario {
            var scenario = closing("closing beside a reader")
            scenario.fillerCount = 40
            scenario.thread("reader") { world in
                let snapshot = try world.database.snapshot()
                let number = try world.read(snapshot)
                try world.readFiller([0, 20, 39])
                guard try world.read(snapshot) == number else { throw Failure("it changed") }
            }
            scenario.thread("writer") { world in try world.commit() }
            return scenario
        }

        private static var closeAndBegin: ScheduleScenario {
            var scenario = closing("closing beside begins that wait")
            scenario.allowed = [.closed, .timedOut, .busy]
            scenario.thread("writer") { world in try world.commit() }
            scenario.thread("waits") { world in try world.commit() }
            scenario.thread("waits a little") { world in
                try world.commit(timeout: .milliseconds(1))
            }
            scenario.losesNothing = true
            return scenario
        }

        private static var twoCloses: ScheduleScenario {
            var scenario = closing("two closes beside a commit, a checkpoint and a compaction")
            scenario.thread("closes too") { world in try world.database.close() }
            scenario.thread("writer") { world in try world.commit() }
            scenario.thread("checkpoint") { world in
                try world.database.checkpoint()
                try world.database.compact()
            }
            return scenario
        }

        private static var closeAndCompact: ScheduleScenario {
            var scenario = closing("closing beside a compaction")
            scenario.thread("compacts") { world in try world.database.compact() }
            return scenario
        }

        private static var closeAndBackground: ScheduleScenario {
            var scenario = ScheduleScenario("closing beside the database's own thread")
            scenario.options.checkpointPolicy = .automatic
            scenario.options.logBudget = 512
            scenario.closesDatabase = true
            scenario.commitsAreFull = false
            scenario.allowed = [.closed, .busy]
            scenario.thread("writes and closes") { world in
                try world.commit(durability: .written)
                try world.commit(durability: .buffered)
                try world.database.close()
            }
            scenario.thread("writer") { world in try world.commit(durability: .buffered) }
            return scenario
        }

        private static var lastHandle: ScheduleScenario {
            var scenario = ScheduleScenario("the last handle goes")
            scenario.closesDatabase = true
            scenario.options.checkpointPolicy = .automatic
            scenario.thread("drops") { world in world.dropDatabase() }
            for _ in 0..<2 {
                scenario.thread("snapshot") { world in
                    guard let database = world.databaseIfOpen else { return }
                    let snapshot = try database.snapshot()
                    try world.commit(to: database)
                    try world.read(snapshot)
                }
            }
            return scenario
        }

        private static var twoCreations: ScheduleScenario {
            var scenario = ScheduleScenario("two creations of one path")
            scenario.startsWithDatabase = false
            scenario.closesDatabase = true
            scenario.allowed = [.locked, .busy]
            for _ in 0..<2 {
                scenario.thread("creator") { world in
                    let database = try SimulatedDatabase.open(on: world.files, .scheduled)
                    try world.commit(to: database)
                    try database.close()
                }
            }
            scenario.atEnd = { world in
                guard !world.acknowledged.isEmpty else { throw Failure("nobody got it") }
            }
            return scenario
        }

        private static var closeAndOpen: ScheduleScenario {
            var scenario = ScheduleScenario("one handle closes while another opens")
            scenario.closesDatabase = true
            scenario.allowed = [.locked, .busy]
            scenario.thread("closes") { world in
                try world.commit()
                try world.database.close()
            }
            scenario.thread("opens") { world in
                let database = try SimulatedDatabase.open(on: world.files, .scheduled)
                try world.commit(to: database)
                try database.close()
            }
            scenario.thread("opens to read") { world in
                var options = DatabaseOptions.scheduled
                options.access = .readOnly
                let database = try SimulatedDatabase.open(on: world.files, options)
                try world.read(database.snapshot())
                try database.close()
            }
            return scenario
        }
    }
#endif
