#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO

    extension ScheduleScenario {
        /// Single puts that change pages where they are, beside those who must not notice.
        static var inPlace: [ScheduleScenario] {
            [putsBesideReaders, putsBesideCheckpoint, putsBesideFullCommits]
        }

        private static var putsBesideReaders: ScheduleScenario {
            var scenario = ScheduleScenario("single puts in place beside readers")
            scenario.prepareForPuts()
            scenario.thread("writer") { world in
                for number in 1...3 { try world.putPair(number) }
            }
            for _ in 0..<2 {
                scenario.thread("reader") { world in
                    var seen = 0
                    for _ in 0..<2 { seen = try world.readPair(least: seen) }
                }
            }
            return scenario
        }

        private static var putsBesideCheckpoint: ScheduleScenario {
            var scenario = ScheduleScenario("single puts in place beside a checkpoint and a commit")
            scenario.prepareForPuts()
            scenario.thread("writer") { world in
                for number in 1...3 { try world.putPair(number) }
            }
            scenario.thread("checkpoint") { world in
                try world.database.checkpoint()
                world.expectSound("when a checkpoint returned")
                try world.readPair()
            }
            scenario.thread("commit") { world in
                try world.commit()
                try world.readPair()
            }
            return scenario
        }

        /// A commit that waits for its sync is the head, whose pages a put would change and publish.
        private static var putsBesideFullCommits: ScheduleScenario {
            var scenario = ScheduleScenario("single puts in place beside commits under way")
            // Every version that raises the marks is `full`; the puts raise others.
            scenario.commitsAreFull = true
            scenario.fillerCount = 4
            scenario.beforeThreads = { world in try world.putPair(0) }
            scenario.thread("commits") { world in
                for _ in 0..<2 { try world.commit() }
            }
            scenario.thread("puts") { world in
                // Buffered: on the way to the system they would wait for the commits' syncs.
                for number in 1...2 {
                    try world.putPair(number, durability: .buffered)
                    try world.readNewest()
                }
            }
            return scenario
        }

        /// The log is in use, or the first put would not be made in place.
        mutating func prepareForPuts() {
            commitsAreFull = false
            fillerCount = 4
            beforeThreads = { world in try world.putPair(0) }
            atEnd = { world in
                guard try world.readPair() == 3 else {
                    throw Failure("the last puts are not there")
                }
            }
        }
    }

    extension ScheduleWorld {
        private static let pair = ["p 1", "p 2"].map { Array($0.utf8) }

        /// Two puts, each a transaction of its own, the first key's first. When one returns, readers
        /// see it.
        func putPair(_ number: Int, durability: Durability = .written) throws {
            for key in Self.pair {
                try database.put(key, Self.value(number), durability: durability)
                let seen = try Self.number(of: database.get(key))
                guard seen == number else {
                    throw Failure("\(seen) was read after the put of \(number) had returned")
                }
            }
        }

        /// Reads the pair in one snapshot, twice: it stays as it is, and is one that there was.
        @discardableResult
        func readPair(least: Int = 0) throws -> Int {
            let snapshot = try database.snapshot()
            let second = try Self.number(of: snapshot.get(Self.pair[1]))
            let first = try Self.number(of: snapshot.get(Self.pair[0]))
            guard first == second || first == second + 1 else {
                throw Failure("version \(snapshot.transaction) has \(first) and \(second)")
            }
            System.yield()
            for (key, number) in zip(Self.pair, [first, second]) {
                let again = try Self.number(of: snapshot.get(key))
                guard again == number else {
                    throw Failure(
                        "version \(snapshot.transaction) has \(again) where it had \(number)")
                }
            }
            guard first >= least else { throw Failure("\(first) was read after \(least)") }
            return first
        }
    }
#endif
