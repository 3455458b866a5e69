import Foundation
import StorageIO

/// Runs cases of families on several worker processes at once.
struct Pool: Sendable {
    /// How many processes.
    var workers: Int
    /// How many findings end a family's run.
    var findingLimit = 3

    /// When a run of cases ends.
    enum End: Sendable {
        case goal(Goal)
        case time(Date)
    }

    /// Runs cases of `family` from `tally.next` on until `end`.
    ///
    /// - Parameter progress: called after each case, under a lock.
    func run(
        _ family: any Family.Type, from tally: Tally, until end: End,
        progress: @escaping @Sendable (Tally) -> Void = { _ in }
    ) throws -> Tally {
        let shared = Shared(tally, end, family, findingLimit)
        let program = family.program
        try runInParallel(workers) {
            var worker: WorkerProcess?
            defer { worker?.stop() }
            while let number = shared.take() {
                let current = try worker ?? WorkerProcess(program: program)
                worker = current
                let line = current.run(family, number)
                if line.units == nil { worker = nil }
                shared.add(line, progress)
            }
        }
        return shared.result
    }

    private func runInParallel(_ count: Int, _ body: @escaping @Sendable () throws -> Void) throws {
        let problem = Problem()
        let threads = try (0..<count).map { _ in
            try SystemThread { do { try body() } catch { problem.take(error) } }
        }
        for thread in threads { thread.join() }
        try problem.rethrow()
    }

    /// The counter that the workers' threads draw from.
    private final class Shared: @unchecked Sendable {
        // Sendable: `lock` guards what changes.
        private let lock = Lock()
        private var tally: Tally
        private var taken: UInt64
        private var running: Set<UInt64> = []
        private let end: End
        private let family: any Family.Type
        private let findingLimit: Int
        private let findingsBefore: Int

        init(_ tally: Tally, _ end: End, _ family: any Family.Type, _ findingLimit: Int) {
            self.tally = tally
            self.end = end
            self.family = family
            self.findingLimit = findingLimit
            taken = tally.next
            findingsBefore = tally.findings.count
        }

        var result: Tally { lock.withLock { tally } }

        /// The next case's number, nil at the end.
        func take() -> UInt64? {
            lock.withLock {
                if tally.findings.count - findingsBefore >= findingLimit { return nil }
                switch end {
                case .goal(.units(let count)): if tally.units >= count { return nil }
                case .goal(.cases(let count)): if taken >= UInt64(count) { return nil }
                case .time(let date): if Date() >= date { return nil }
                }
                defer { taken += 1 }
                running.insert(taken)
                return taken
            }
        }

        func add(_ line: WorkerLine, _ progress: (Tally) -> Void) {
            lock.withLock {
                running.remove(line.number)
                tally.add(line, of: family.name)
                tally.next = running.min() ?? taken
                progress(tally)
            }
        }
    }
}

/// The first error of several threads.
private final class Problem: @unchecked Sendable {
    // Sendable: `lock` guards `error`.
    private let lock = Lock()
    private var error: (any Error)?

    func take(_ new: any Error) { lock.withLock { if error == nil { error = new } } }
    func rethrow() throws { if let error = lock.withLock({ error }) { throw error } }
}
