import Foundation
import KVDB
import KVDBFoundation

/// Something to be done.
struct Job: Codable, Sendable {
    var id: UInt64
    var payload: String
    /// There is at most one unfinished job of a name.
    var name: String?
    var attempts = 0
}

extension Table where Key == UInt64, Value == JSON<Job> {
    /// The jobs that are not done.
    static var jobs: Self { Self("jobs") }
    /// The jobs that have failed too often.
    static var dead: Self { Self("dead") }
}

extension Table where Key == Keys<Date, UInt64>, Value == NoValue {
    /// The jobs that wait, by the time from which a worker may take them.
    static var ready: Self { Self("ready") }
    /// The jobs that workers have, by the time at which they are taken from them.
    static var leases: Self { Self("leases") }
}

extension Table where Key == String, Value == UInt64 {
    /// The unfinished job of each name.
    static var names: Self { Self("names") }
    /// The last number given to a job.
    static var numbers: Self { Self("numbers") }
}

/// A job and the right to work on it, until a time.
struct Lease: Sendable {
    var job: Job
    var key: Keys<Date, UInt64>
}

/// The job was taken from the worker, since it took too long.
struct LeaseLost: Error {}

/// Jobs for any number of workers: each is handed out to one at a time, and again if that one dies.
struct JobQueue: Sendable {
    let database: Database
    var attemptLimit = 3

    /// Adds a job. Returns its number, or nil if there is an unfinished one of that name.
    func add(_ payload: String, name: String? = nil, due: Date = .now) async throws -> UInt64? {
        try await database.write { transaction in
            if let name, try transaction[.names].contains(name) { return nil }
            let id = try transaction[.numbers].update("job") { last in
                last = (last ?? 0) + 1
                return last!
            }
            try transaction[.jobs].put(JSON(Job(id: id, payload: payload, name: name)), for: id)
            if let name { try transaction[.names].put(id, for: name) }
            try transaction[.ready].put(NoValue(), for: Keys(due, id))
            return id
        }
    }

    /// Hands out the job that has been due for longest; nil if none is.
    func take(for seconds: TimeInterval, now: Date = .now) async throws -> Lease? {
        try await database.write { transaction in
            // Jobs of workers that took too long are ready again.
            while let (key, _) = try transaction[.leases].deleteFirst(in: .prefix(in: ..<now)) {
                try retry(key.parts.1, at: now, in: transaction)
            }
            guard let (key, _) = try transaction[.ready].deleteFirst(in: .prefix(in: ...now)) else {
                return nil
            }
            let job = try transaction[.jobs].update(key.parts.1) { job in
                job?.value.attempts += 1
                return job?.value
            }
            guard let job else { return nil }
            let lease = Lease(job: job, key: Keys(now + seconds, job.id))
            try transaction[.leases].put(NoValue(), for: lease.key)
            return lease
        }
    }

    /// Ends a job that is done.
    func finish(_ lease: Lease) async throws {
        try await database.write { transaction in
            guard try transaction[.leases].delete(lease.key) else { throw LeaseLost() }
            try transaction[.jobs].delete(lease.job.id)
            if let name = lease.job.name { try transaction[.names].delete(name) }
        }
    }

    /// Gives a job back that could not be done, to be tried again later.
    func fail(_ lease: Lease, until time: Date = .now) async throws {
        try await database.write { transaction in
            guard try transaction[.leases].delete(lease.key) else { throw LeaseLost() }
            try retry(lease.job.id, at: time, in: transaction)
        }
    }

    private func retry(
        _ id: UInt64, at time: Date, in transaction: borrowing Database.Transaction
    ) throws {
        guard let job = try transaction[.jobs].get(id) else { return }
        if job.value.attempts < attemptLimit {
            try transaction[.ready].put(NoValue(), for: Keys(time, id))
        } else {
            try transaction[.dead].put(job, for: id)
            try transaction[.jobs].delete(id)
            if let name = job.value.name { try transaction[.names].delete(name) }
        }
    }
}
