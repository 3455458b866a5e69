#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO
    import StorageIOTesting

    extension ScheduleScenario {
        /// What comes between two operations on files. The scenarios of the family `fileorder`.
        static let fileOrders = [
            putsDuringCheckpoint, compactionAroundClose, commitsDuringCheckpoint,
            putsDuringCompaction,
        ]

        /// Switches at these operations, and at the marks of `source`.
        private static func fileOrder(
            _ name: String, _ operations: FileOperation.Kind = .changing,
            focus: StaticString = "CrashTest/ScheduleWorld.swift"
        ) -> ScheduleScenario {
            var scenario = ScheduleScenario(name)
            scenario.markedOperations = operations
            scenario.focus = focus
            return scenario
        }

        /// Puts that could change pages where they are while a checkpoint brings these to the medium.
        /// What it leaves is a database of its own moment, with nothing of later puts.
        private static var putsDuringCheckpoint: ScheduleScenario {
            var scenario = fileOrder("puts between the writes of a checkpoint")
            scenario.prepareForPuts()
            scenario.thread("puts") { world in
                for number in 1...3 { try world.putPair(number) }
            }
            scenario.thread("checkpoints") { world in
                for _ in 0..<2 {
                    try world.database.checkpoint()
                    world.expectSound("when a checkpoint returned")
                }
            }
            return scenario
        }

        /// The checkpoints at a compaction's end, before and after the closing one, behind which the log
        /// goes. Each gives space back.
        private static var compactionAroundClose: ScheduleScenario {
            var scenario = fileOrder(
                "a compaction's checkpoints around the closing one", .truncate,
                focus: "CrashTest/ScheduleWorld.swift KVDB/Lifecycle.swift")
            scenario.closesDatabase = true
            scenario.allowed = [.closed, .busy]
            scenario.fillerCount = 24
            scenario.prepare = { database in
                // So the list of the pages that get free comes to lie at the file's end.
                try database.checkpoint()
                try deleteMostFillers(database)
            }
            scenario.thread("close") { world in try world.database.close() }
            scenario.thread("compaction") { world in
                // With a snapshot no page moves: there is nothing but the checkpoints.
                let snapshot = try world.database.snapshot()
                try world.database.compact()
                withExtendedLifetime(snapshot) {}
            }
            return scenario
        }

        private static var commitsDuringCheckpoint: ScheduleScenario {
            var scenario = fileOrder("commits between the writes of a checkpoint")
            scenario.thread("commits") { world in
                for _ in 0..<3 { try world.commit() }
            }
            scenario.thread("checkpoints") { world in
                for _ in 0..<2 {
                    try world.database.checkpoint()
                    world.expectSound("when a checkpoint returned")
                }
            }
            return scenario
        }

        private static var putsDuringCompaction: ScheduleScenario {
            var scenario = fileOrder("puts between the writes of a compaction")
            scenario.prepareForPuts()
            scenario.fillerCount = 24
            scenario.prepare = { database in try deleteMostFillers(database) }
            scenario.thread("puts") { world in
                for number in 1...3 { try world.putPair(number) }
            }
            scenario.thread("compaction") { world in
                try world.database.compact()
                world.expectSound("when a compaction returned")
            }
            return scenario
        }

        private static func deleteMostFillers(_ database: SimulatedDatabase) throws {
            try database.write { transaction in
                for number in 0..<24 where number % 3 != 0 {
                    try transaction.delete(ScheduleWorld.filler(number))
                }
            }
        }
    }
#endif
