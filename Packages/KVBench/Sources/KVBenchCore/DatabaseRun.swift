import Foundation
import KVDB

/// A run of what only this database is asked for.
struct DatabaseRun {
    let workload: Workload
    let directory: String
    var result: RunResult

    init(_ workload: Workload, round: Int, directory: String) {
        self.workload = workload
        self.directory = directory
        result = RunResult(
            engine: EngineCatalog.database, workload: workload.name, round: round)
    }

    func run() throws -> RunResult {
        throw BenchmarkError("\(workload.name) is not there yet.")
    }
}
