#if KVDB_SCHEDULES
    @_spi(Engine) import DatabaseTesting
    @_spi(Engine) import KVDB
    import StorageIO
    import StorageIOTesting

    /// Some threads on a database, and what they may see.
    struct ScheduleScenario: Sendable {
        struct Thread: Sendable {
            let name: StaticString
            let body: @Sendable (ScheduleWorld) throws -> Void
        }

        let name: String
        var options: DatabaseOptions = .scheduled
        /// Entries beside the marks, and how large they are.
        var fillerCount = 0
        var fillerByteCount = 900
        /// Whether the threads find a database open; otherwise they open it themselves.
        var startsWithDatabase = true
        /// Whether one of the threads closes it.
        var closesDatabase = false
        /// Errors that end a thread without being a finding.
        var allowed: Set<StorageError.Code> = []
        /// Whether every commit is `full`, so that nobody may see what a power cut would take.
        var commitsAreFull = true
        /// Whether every acknowledged commit is there after closing.
        var losesNothing = true
        /// The source files at whose marks threads are switched, a blank between two; nil for all. With
        /// some, every schedule with two preemptions is run.
        var focus: StaticString?
        /// Operations on files that are marked as well, in `CrashTest/ScheduleWorld.swift`.
        var markedOperations: FileOperation.Kind = []
        var threads: [Thread] = []
        /// Changes what every run starts from.
        var prepare: (@Sendable (SimulatedDatabase) throws -> Void)?
        /// What each run does before its threads.
        var beforeThreads: (@Sendable (ScheduleWorld) throws -> Void)?
        /// Further checks, before the general ones.
        var atEnd: (@Sendable (ScheduleWorld) throws -> Void)?

        init(_ name: String) { self.name = name }

        /// Adds a thread.
        mutating func thread(
            _ name: StaticString, _ body: @escaping @Sendable (ScheduleWorld) throws -> Void
        ) {
            threads.append(Thread(name: name, body: body))
        }

        static let all: [ScheduleScenario] =
            commits + checkpoints + pages + closing + failures + inPlace + windows + tasks
    }

    extension DatabaseOptions {
        /// The smallest budgets, and no checkpoint but on request.
        static var scheduled: DatabaseOptions {
            var options = manual
            options.sizeLimit = 4 << 20
            // A thread may be kept from going on for as long as the schedule likes.
            options.writerTimeout = .seconds(86_400)
            return options
        }
    }
#endif
