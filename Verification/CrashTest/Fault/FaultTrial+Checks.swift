@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import WAL

extension FaultTrial {
    /// F1: the error is one that the faults so far explain.
    func explain(_ error: any Error, _ place: String) throws {
        guard let error = error as? StorageError else { throw error }
        try check(
            !world.fired().isEmpty, "\(place) F1: an error without a fault: \(error)")
        var cause = error
        while cause.code == .poisoned, let next = cause.cause?.error { cause = next }
        try check(
            world.codes.contains(cause.code) || isLoss(cause),
            "\(place) F1: an error that no fault explains: \(error)")
    }

    /// Whether the error says that a page is not there which a failed sync has taken.
    private func isLoss(_ error: StorageError) -> Bool {
        error.code == .damaged
            && world.fired().contains { $0.call == .sync && $0.target == .data }
    }

    /// F2: poisoned as the design says, given the faults that came during a call.
    func checkPoison(_ handle: Engine, since count: Int, _ place: String) throws {
        let fired = world.fired()[count...]
        guard !fired.isEmpty else { return }
        let verdicts = fired.map(\.mustPoison)
        if verdicts.contains(true) {
            try check(handle.poison != nil, "\(place) F2: not poisoned by \(fired)")
        } else if verdicts.allSatisfy({ $0 == false }), let poison = handle.poison {
            throw Mismatch("\(place) F2: poisoned without need by \(fired): \(poison)")
        }
    }

    /// What can be read is the last published state.
    func checkReading(_ handle: Engine, _ place: String) throws {
        do {
            let snapshot = try handle.snapshot()
            guard let difference = try state.difference(from: snapshot) else { return }
            // Where the last call failed after the point of no return, its state may be there.
            let isAttempted = try attempted.map { try $0.difference(from: snapshot) == nil }
            try check(isAttempted == true, "\(place) F3: reads wrong: \(difference)")
        } catch let error as StorageError {
            try explain(error, place)
        }
    }

    /// F2: sound. The second fault of a pair may hit the look itself, which is then taken again.
    func checkSound(_ database: Engine, _ place: String) throws {
        while true {
            let firedBefore = world.fired().count
            do {
                return try database.checkSound(place)
            } catch {
                guard world.fired().count > firedBefore else { throw error }
            }
        }
    }

    /// F2 and F3, for the handle at the end of the steps.
    mutating func checkHandle(_ handle: Engine) throws {
        // What has not come yet is for the close.
        if world.fired().isEmpty { return }
        guard let poison = handle.poison else {
            if scenario.opensReadOnly { return try checkReading(handle, "at the end:") }
            // With its faults over, the handle goes on.
            try checkCuts("power cut in the middle")
            world.clear()
            try state.check(handle, "at the end:")
            try checkSound(handle, "at the end:")
            let change = Change.put(numberKey(7_000_000), [1])
            try handle.write { _ = try $0.apply(change) }
            var next = state
            next.apply(change)
            states.append(next)
            durable = states.count - 1
            return try next.check(handle, "after one more commit:")
        }
        try check(
            world.codes.contains(poison.code) && poison.code != .poisoned,
            "F3: poisoned by \(poison)")
        for write in [
            { try handle.put([9], [9]) }, { try handle.checkpoint() }, { try handle.sync() },
        ] {
            do {
                try write()
                throw Mismatch("F3: a poisoned handle writes")
            } catch let error as StorageError {
                try check(error.code == .poisoned, "F3: a poisoned handle throws \(error)")
                try check(
                    error.cause?.error.code == poison.code, "F3: the cause is gone: \(error)")
            }
        }
        try checkReading(handle, "poisoned:")
        if let held {
            do {
                let difference = try held.model.difference(from: held.snapshot)
                try check(difference == nil, "F5: a snapshot reads wrong: \(difference ?? "")")
            } catch let error as StorageError {
                try explain(error, "poisoned snapshot:")
            }
        }
    }

    /// F4: a power cut now.
    func checkCuts(_ place: String) throws {
        guard !world.fired().isEmpty else { return }
        for cut in world.cuts() {
            var copy = self
            try copy.checkAlive(on: cut.files, "\(place) (\(cut.name)):", further: 1)
        }
    }

    /// F4: a reopen without faults.
    mutating func checkReopen() throws {
        try checkAlive(on: world.files, "after the last open:", further: 10, cutsAtEnd: true)
        try checkAlive(on: world.files, "after one more:", further: 0)
    }

    /// The database of `files` holds what was acknowledged, is whole, and goes on.
    private mutating func checkAlive(
        on files: Files, _ place: String, further: Int, cutsAtEnd: Bool = false
    ) throws {
        var options = scenario.options
        options.access = .create
        let database: Engine
        do {
            database = try Engine.open(world.path, files: files, options: options)
        } catch {
            throw Mismatch("\(place) F4: does not open: \(error); faults: \(world.fired())")
        }
        try settle(database, place)
        try checkSound(database, place)
        var next = state
        for number in 0..<further {
            let change = Change.put(numberKey(8_000_000 + number), [UInt8](repeating: 1, count: 90))
            try database.write { _ = try $0.apply(change) }
            next.apply(change)
        }
        try next.check(database, "\(place) after further commits:")
        try check(database.poison == nil, "\(place) poisoned")
        if cutsAtEnd, !world.fired().isEmpty {
            // What the open went on from may have been in the system's cache alone.
            for cut in world.cuts() {
                var copy = self
                copy.states = [next]
                copy.durable = 0
                try copy.checkAlive(on: cut.files, "\(place) power cut (\(cut.name)):", further: 0)
            }
        }
        try database.close()
        states = [next]
        durable = 0
    }

    /// Finds out which state a reopened database has.
    private mutating func settle(_ database: Engine, _ place: String) throws {
        let snapshot = try database.snapshot()
        var candidates = Array(states[durable...])
        if let attempted { candidates.append(attempted) }
        var differences: [String] = []
        for candidate in candidates.reversed() {
            guard let difference = try candidate.difference(from: snapshot) else {
                states = [candidate]
                durable = 0
                attempted = nil
                return
            }
            differences.append(difference)
        }
        throw Mismatch(
            "\(place) F4: none of the \(candidates.count) states that it may hold: "
                + differences.joined(separator: "; "))
    }
}
