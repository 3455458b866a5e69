import StorageIO
import StorageIOTesting

/// The orders in which threads can run: a few threads on one small database, under a scheduler that
/// runs one at a time and switches where the schedule says (`Schedules.h` has the model).
///
/// Case *n* is the *n*-th hundred of schedules, over all scenarios in turn; those are counted that
/// differ from the others of their case. The gate has every schedule with one preemption. The schedules of a
/// scenario are bounded by preemptions (Musuvathi and Qadeer, "Iterative Context Bounding for
/// Systematic Testing of Multithreaded Programs", PLDI 2007): first those without any, then every
/// one with one, to every thread, at every step, then drawn ones with up to three.
/// Where a thread can't go on, who follows is no preemption and costs nothing: the first thread
/// there, the last, or any.
struct ScheduleFamily: Family {
    static let name = "schedule"
    static let unit = "schedules"
    static let gate = Goal.cases(1000)
    static let subset = Goal.cases(60)
    static let isScheduled = true

    func run(_ number: UInt64, _ account: inout Account) throws {
        #if KVDB_SCHEDULES
            try ScheduleScenario.run(number, of: ScheduleScenario.all, &account)
        #else
            throw Self.wrongBuild
        #endif
    }

    /// What a scheduled family throws in a build without the scheduler.
    static let wrongBuild = Failure(
        "needs the build that KVDB_SCHEDULES=1 makes: use Scripts/crashtest, which makes it")
}

#if KVDB_SCHEDULES
    extension ScheduleScenario {
        /// Runs case `number` over all `scenarios` in turn.
        static func run(
            _ number: UInt64, of scenarios: [ScheduleScenario], _ account: inout Account
        ) throws {
            let scenario = scenarios[Int(number % UInt64(scenarios.count))]
            var exploration = try ScheduleExploration(scenario)
            try exploration.run(block: Int(number / UInt64(scenarios.count)), &account)
        }
    }
#endif
