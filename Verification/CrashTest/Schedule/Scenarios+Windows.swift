#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// Several commits inside one reader's look at the newest version. Threads are switched only at
        /// the marks of the file that hands versions on, so every schedule with two preemptions is run,
        /// and others with three.
        static var windows: [ScheduleScenario] {
            [commitsInOneWindow, putsInOneWindow, tablesLookedUpTogether]
        }

        private static var commitsInOneWindow: ScheduleScenario {
            var scenario = ScheduleScenario("three commits while a reader takes a version")
            scenario.focus = "KVDB/Publication.swift"
            scenario.commitsAreFull = false
            scenario.prepare = { database in
                try database.write { transaction in
                    try transaction.createTable("twin")
                    try transaction.put(
                        ScheduleWorld.marks[0], ScheduleWorld.value(0), table: "twin")
                }
            }
            scenario.thread("writer") { world in
                for _ in 0..<3 { try world.commitTwins() }
            }
            scenario.thread("reader") { world in
                var seen = 0
                for _ in 0..<2 { seen = try world.readTwins(least: seen) }
            }
            return scenario
        }

        /// The handle knows nothing of the table: readers look it up in the catalog, and note what that says,
        /// while commits make new roots.
        private static var tablesLookedUpTogether: ScheduleScenario {
            var scenario = ScheduleScenario("readers look a table up while commits change it")
            scenario.focus = "KVDB/TableRoots.swift"
            scenario.commitsAreFull = false
            scenario.prepare = { database in
                try database.write { transaction in
                    try transaction.put(
                        ScheduleWorld.marks[0], ScheduleWorld.value(0), table: "twin")
                }
            }
            scenario.thread("writer") { world in
                for _ in 0..<2 { try world.commitTwins() }
            }
            for name in ["reader", "other reader"] as [StaticString] {
                scenario.thread(name) { world in
                    var seen = 0
                    for _ in 0..<2 { seen = try world.readTwins(least: seen) }
                }
            }
            return scenario
        }

        private static var putsInOneWindow: ScheduleScenario {
            var scenario = ScheduleScenario("puts in place while a reader takes a version")
            scenario.focus = "KVDB/Publication.swift"
            scenario.commitsAreFull = false
            scenario.beforeThreads = { world in try world.putPair(0) }
            scenario.thread("writer") { world in
                for number in 1...2 { try world.putPair(number) }
            }
            scenario.thread("reader") { world in
                var seen = 0
                for _ in 0..<2 { seen = try world.readPair(least: seen) }
            }
            return scenario
        }
    }

    extension ScheduleWorld {
        /// Commits the next number, to the default table and to a named one.
        func commitTwins() throws {
            try commit(durability: .buffered) { transaction in
                guard let value = try transaction.get(Self.marks[0]) else {
                    throw Failure("no mark")
                }
                try transaction.put(Self.marks[0], value, table: database.table("twin"))
            }
        }

        /// Reads both in one snapshot: what is known of the two tables is of one version.
        func readTwins(least: Int) throws -> Int {
            let twin = try database.table("twin")
            let snapshot = try database.snapshot()
            let number = try read(snapshot, least: least)
            let other = try Self.number(of: snapshot.get(Self.marks[0], table: twin))
            guard number == other else {
                throw Failure("version \(snapshot.transaction): \(number), the twin \(other)")
            }
            return number
        }
    }
#endif
