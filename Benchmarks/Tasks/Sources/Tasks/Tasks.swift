import Foundation
@_spi(Engine) import KVDB

/// Measures, in turns, a ticker of 5 ms that has the pool for itself, and one beside durable puts of many tasks.
///
/// `Tasks [rounds] [tasks] [puts] [blocking]`: `blocking` lets each task call the blocking form instead, which is what
/// the figures are to be compared with.
@main struct Tasks {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.compactMap { Int($0) }
        let rounds = numbers.first ?? 5
        let tasks = numbers.dropFirst().first ?? 200
        let puts = numbers.dropFirst(2).first ?? 2000
        let isBlocking = arguments.contains("blocking")
        let folder = FileManager.default.currentDirectoryPath + "/tasks.tmp"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let database = try Database(at: folder + "/tasks.kvdb")
        // The first write starts the threads, and makes the log.
        try await database.put("value", for: "first")
        print("threads: \(threadCount)")
        for round in 0..<rounds {
            let idle = try await latestTick { try await Task.sleep(for: .milliseconds(400)) }
            var duration = Duration.zero
            let busy = try await latestTick {
                duration = try await ContinuousClock().measure {
                    try await put(database, round, tasks, puts / tasks, isBlocking)
                }
            }
            print(
                "round \(round): \(puts) puts of \(tasks) tasks in \(milliseconds(duration)) ms;",
                "ticker late by \(milliseconds(busy)) ms, idle \(milliseconds(idle)) ms;",
                "threads: \(threadCount)")
        }
        try await database.close()
        try FileManager.default.removeItem(atPath: folder)
    }

    static func milliseconds(_ duration: Duration) -> String {
        String(format: "%.1f", duration / .milliseconds(1))
    }

    static func put(
        _ database: Database, _ round: Int, _ tasks: Int, _ puts: Int, _ isBlocking: Bool
    ) async throws {
        try await withThrowingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    for number in 0..<puts {
                        let key = "\(round)/\(task)/\(number)"
                        if isBlocking {
                            try putBlocking(database, key)
                        } else {
                            try await database.put("value", for: key)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    static func putBlocking(_ database: Database, _ key: String) throws {
        try database.put("value", for: key)
    }

    /// The most that a tick was late while `work` ran.
    nonisolated(nonsending) static func latestTick(
        _ work: nonisolated(nonsending) () async throws -> Void
    ) async throws -> Duration {
        let ticker = Task {
            let clock = ContinuousClock()
            var latest = Duration.zero
            while !Task.isCancelled {
                let due = clock.now.advanced(by: .milliseconds(5))
                try? await Task.sleep(until: due, clock: clock)
                if !Task.isCancelled { latest = max(latest, due.duration(to: clock.now)) }
            }
            return latest
        }
        try await work()
        ticker.cancel()
        return await ticker.value
    }

    /// How many threads the process has; 0 where `/proc` does not tell.
    static var threadCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    }
}
