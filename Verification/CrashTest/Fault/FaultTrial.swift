@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A scenario in which calls fail, and the oracle that it is held to:
///
/// - F1 A call succeeds, or throws a `StorageError` of a code that the fault explains; and none
///   throws before a fault came.
/// - F2 After an error the handle is poisoned or not, as `FiredFault.mustPoison` says. If not, the
///   content is as before the call, the database is sound, and the handle goes on.
/// - F3 A poisoned handle refuses to write with `poisoned`, whose cause is the first error, and
///   reads what was last published, or throws.
/// - F4 After a power cut at that moment, after a close, and after a reopen the content is that of
///   the commits in order, up to the last one acknowledged as durable or beyond; sound; and the
///   database takes ten more commits, which a power cut after the reopen leaves as well.
/// - F5 What a snapshot reads is its own version, or an error.
/// - F6 An export that failed is not there under its name, and what it left is refused by an
///   import; one that succeeded is whole.
struct FaultTrial<Files: FileSystem> {
    typealias Engine = DatabaseEngine<FilePageStore<Files.Handle>, WriteAheadLog<Files>>
    typealias Held = EngineSnapshot<FilePageStore<Files.Handle>, WriteAheadLog<Files>>

    let scenario: FaultScenario
    let world: FaultWorld<Files>
    /// The content after each commit that was acknowledged.
    var states: [DatabaseModel]
    /// From this state on nothing may be lost.
    var durable: Int
    /// What the call that failed would have made of it.
    var attempted: DatabaseModel?
    /// What the last export that succeeded wrote.
    var exported: DatabaseModel?
    var handle: Engine?
    var held: (snapshot: Held, model: DatabaseModel)?
    /// How many faults had come when the handle was opened.
    var firedBefore = 0

    init(_ scenario: FaultScenario, _ world: FaultWorld<Files>, state: DatabaseModel) {
        self.scenario = scenario
        self.world = world
        states = [state]
        durable = 0
    }

    var state: DatabaseModel { states[states.count - 1] }

    /// Runs the scenario as far as it goes, and checks what is left.
    mutating func run() throws {
        try open(readOnly: scenario.opensReadOnly)
        for (index, step) in scenario.steps.enumerated() {
            try take(step, "step \(index):")
            if handle?.poison != nil { break }
        }
        if let handle { try checkHandle(handle) }
        try checkCuts("power cut at the end")
        held = nil
        try close()
        try checkCuts("power cut after the close")
        world.clear()
        try checkReopen()
    }

    /// Does what the scenario needs before faults begin.
    mutating func prepare() throws {
        guard !scenario.setup.isEmpty else { return }
        try open(readOnly: false)
        for step in scenario.setup { try take(step, "setup:") }
        if scenario.closes { try close() }
    }

    // MARK: Steps

    private mutating func take(_ step: FaultStep, _ place: String) throws {
        switch step {
        case .reopen:
            try close()
            return try open(readOnly: false)
        case .reopenReadOnly:
            try close()
            try open(readOnly: true)
            if let handle { try checkReading(handle, place) }
            try close()
            return try open(readOnly: false)
        case .release:
            return try release(place)
        default: break
        }
        guard let handle else { return }
        let next = FaultScenario.state(after: step, state, exported: exported)
        let firedBefore = world.fired().count
        do {
            try perform(step, handle, place)
        } catch {
            attempted = next
            try explain(error, place)
            if case .verify = step { attempted = nil }
            if handle.poison == nil {
                // Nothing has changed, and the handle goes on.
                attempted = nil
                try checkReading(handle, place)
                if world.faultCount != .max { try checkSound(handle, place) }
            }
            return try checkPoison(handle, since: firedBefore, place)
        }
        switch step {
        case .commit(_, let durability):
            states.append(next)
            if durability == .full { durable = states.count - 1 }
        case .waitInVain, .importEntries, .importFile:
            states.append(next)
            durable = states.count - 1
        case .sync, .checkpoint: durable = states.count - 1
        default: break
        }
        try checkPoison(handle, since: firedBefore, place)
    }

    private mutating func perform(
        _ step: FaultStep, _ handle: Engine, _ place: String
    ) throws {
        switch step {
        case .commit(let changes, let durability):
            try commit(changes, durability, handle, place)
        case .abort(let changes):
            let transaction = try handle.begin()
            for change in changes { _ = try transaction.apply(change) }
            transaction.abort()
        case .importEntries(let events, let replacing):
            var index = 0
            try handle.importEntries(replacing: replacing) { () throws(StorageError) in
                index += 1
                return events[index - 1]
            }
        case .export(let packed):
            try export(handle, packed: packed, place)
        case .importFile:
            if exported != nil { try importFile(handle) }
        case .sync: try handle.sync()
        case .checkpoint: try handle.checkpoint()
        case .compact: try handle.compact()
        case .verify: try verify(handle, place)
        case .read: try checkReading(handle, place)
        case .waitInVain(let changes): try waitInVain(changes, handle)
        case .hold: held = (try handle.snapshot(), state)
        case .release, .reopen, .reopenReadOnly: break
        }
    }

    /// A transaction of a caller who overlooks that an operation failed: its commit must fail too (F1),
    /// since nobody knows how far the operation came.
    private func commit(
        _ changes: [Change], _ durability: Durability, _ handle: Engine, _ place: String
    ) throws {
        guard changes.count > 1 || durability == .full else {
            return try handle.commit(changes, durability)
        }
        let transaction = try handle.begin()
        var failure: (any Error)?
        for change in changes where failure == nil {
            do { _ = try transaction.apply(change) } catch { failure = error }
        }
        guard let failure else { return try transaction.commit(durability: durability) }
        do {
            try transaction.commit(durability: durability)
        } catch {
            throw failure
        }
        throw Mismatch("\(place) F1: a transaction commits though an operation failed: \(failure)")
    }

    private func waitInVain(_ changes: [Change], _ handle: Engine) throws {
        let transaction = try handle.begin()
        for change in changes { _ = try transaction.apply(change) }
        try inParallel(1) { _ in
            do throws(StorageError) {
                let second = try handle.begin(timeout: .zero)
                second.abort()
            } catch {
                try check(error.code == .timedOut, "a second writer got \(error)")
                return
            }
            throw Mismatch("two writers at once")
        }
        try transaction.commit()
    }

    private mutating func release(_ place: String) throws {
        guard let held else { return }
        self.held = nil
        do {
            if let difference = try held.model.difference(from: held.snapshot) {
                throw Mismatch("\(place) F5: a snapshot reads wrong: \(difference)")
            }
        } catch let error as StorageError {
            try explain(error, place)
        }
    }

    /// Damage found is a finding, a call that failed is not.
    private func verify(_ handle: Engine, _ place: String) throws {
        let report = try handle.verify()
        for finding in report.findings { try explain(finding.error, place) }
    }

    // MARK: Opening and closing

    /// Opens; as many times as faults can hit the open, then without faults.
    mutating func open(readOnly: Bool) throws {
        var options = scenario.options
        if readOnly { options.access = .readOnly }
        var attempts = 0
        while true {
            let firedBefore = world.fired().count
            do throws(StorageError) {
                handle = try Engine.open(world.path, files: world.files, options: options)
                break
            } catch {
                try explain(error, "open:")
                attempts += 1
                if attempts > 1, world.faultCount == .max || attempts > world.faultCount {
                    try check(
                        world.fired().count > firedBefore, "F1: the open fails for good: \(error)")
                    world.clear()
                }
            }
        }
        if let handle { try checkReading(handle, "after an open:") }
    }

    /// Closes; a failed close leaves what the next open recovers from.
    mutating func close() throws {
        held = nil
        guard let handle else { return }
        self.handle = nil
        do throws(StorageError) {
            try handle.close()
            durable = states.count - 1
        } catch {
            try explain(error, "close:")
        }
    }
}
