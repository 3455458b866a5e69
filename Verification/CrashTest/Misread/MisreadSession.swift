@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// What is done with a database some of whose reads are wrong, and what must hold; see
/// ``MisreadFamily``.
struct MisreadSession {
    /// How a session ended.
    struct End {
        /// What was acknowledged.
        var state: DatabaseModel
        /// What a commit that poisoned would have made of it.
        var attempted: DatabaseModel?
        var errors = 0
    }

    private static let codes: Set<StorageError.Code> = [.damaged, .truncated, .notADatabase]
    let options: DatabaseOptions

    init(_ options: DatabaseOptions) { self.options = options }

    /// What the database on `files` holds: the state after some steps of its script.
    func content(
        of files: CrashingFileSystem, _ workload: CrashWorkload
    ) throws -> DatabaseModel {
        var progress = CrashWorkload.Progress()
        progress.begun = workload.steps.count
        let database = try SimulatedDatabase.open(on: files, options)
        return workload.states[try workload.checkPrefix(database, progress)]
    }

    /// Opens, reads, commits, verifies and closes.
    @discardableResult
    func run(
        on files: CrashingFileSystem, _ state: DatabaseModel, isMisread: () -> Bool
    ) throws -> End {
        var end = End(state: state)
        /// Runs a call, which may only fail as damaged files make calls fail.
        func attempt(_ what: String, _ call: () throws -> Void) throws -> Bool {
            do {
                try call()
                return true
            } catch let error as StorageError {
                var cause = error
                while cause.code == .poisoned, let next = cause.cause?.error { cause = next }
                guard isMisread(), Self.codes.contains(cause.code) else {
                    throw Failure("\(what): \(error)")
                }
                end.errors += 1
                return false
            }
        }
        var opened: SimulatedDatabase?
        guard try attempt("open", { opened = try .open(on: files, options) }),
            let database = opened
        else { return end }
        _ = try attempt("scan", { try check(database, end.state, "scan") })
        for round in 0..<4 {
            var next = end.state
            let changes: [Change] = [
                .put(numberKey(round * 200), [UInt8(round)]),
                .put(numberKey(5_000_000 + round), [UInt8](repeating: 7, count: 3000)),
                .deleteRange(
                    KeyRange(from: numberKey(round * 40), upTo: numberKey(round * 40 + 9))),
            ]
            for change in changes { next.apply(change) }
            let isCommitted = try attempt("commit \(round)") {
                try database.write { transaction in
                    for change in changes { _ = try transaction.apply(change) }
                }
            }
            if isCommitted {
                end.state = next
            } else if database.poison != nil {
                end.attempted = next
                break
            }
            if round == 1 { _ = try attempt("checkpoint", { try database.checkpoint() }) }
        }
        if database.poison == nil {
            _ = try attempt("scan again", { try check(database, end.state, "scan again") })
            _ = try attempt("verify") {
                let report = try database.verify()
                let unexpected = report.findings.first { !Self.codes.contains($0.error.code) }
                if let unexpected { throw Failure("verify: \(unexpected.error)") }
                if !report.isSound, !isMisread() { throw Failure("verify finds damage") }
            }
        }
        _ = try attempt("close", { try database.close() })
        return end
    }

    private func check(
        _ database: SimulatedDatabase, _ state: DatabaseModel, _ place: String
    ) throws {
        let snapshot = try database.snapshot()
        if let difference = try state.difference(from: snapshot) {
            throw Failure("\(place) reads wrong: \(difference)")
        }
    }

    /// With no further wrong read, all that was acknowledged is there.
    func checkAfterwards(_ files: CrashingFileSystem, _ end: End) throws {
        for left in [files.survivors(.none), files.survivors(.all)] {
            let database = try SimulatedDatabase.open(on: left, options)
            let snapshot = try database.snapshot()
            if let difference = try end.state.difference(from: snapshot) {
                guard let attempted = end.attempted,
                    try attempted.difference(from: snapshot) == nil
                else { throw Failure("afterwards: \(difference)") }
            }
            try database.checkSound("afterwards:")
        }
    }
}
