import StorageIO
import StorageIOTesting

/// The orders in which the operations of several threads on the files can come: as the family `schedule`, but
/// threads are switched only before such operations, and at the marks of the source files that a
/// scenario names. That is where a rule about the order of writes can be broken, and there are so few of
/// these places that a case has many of their pairs: every schedule with two preemptions is run, then
/// drawn ones with three.
///
/// A family of its own, so that its scenarios leave the numbers of the other one's cases as they are.
struct FileOrderFamily: Family {
    static let name = "fileorder"
    static let unit = "schedules"
    static let gate = Goal.cases(100)
    static let subset = Goal.cases(8)
    static let isScheduled = true

    func run(_ number: UInt64, _ account: inout Account) throws {
        #if KVDB_SCHEDULES
            try ScheduleScenario.run(number, of: ScheduleScenario.fileOrders, &account)
        #else
            throw ScheduleFamily.wrongBuild
        #endif
    }
}
