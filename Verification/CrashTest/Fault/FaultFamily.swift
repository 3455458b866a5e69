import CSystemFaults
@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Calls that fail: every call of every scenario, with each kind of fault, once and for ever.
///
/// The cases below `enumerated` are the enumeration: a scenario, a kind, once or for ever, and a
/// slice of the calls; the step is the call's number among those that the kind is about. First
/// come those on the simulated file system, where the power is cut as well, then those where the
/// system's own calls fail (Linux). Beyond, each case draws pairs of faults.
///
/// The oracle is `FaultTrial`'s, F1 to F6.
struct FaultFamily: Family {
    static let name = "fault"
    static let unit = "faults"
    static let gate = Goal.cases(enumerated)
    static let subset = Goal.cases(enumerated)

    static let slices = 2
    static let simulatedCases =
        FaultScenario.all.count * SimulatedFaults.Kind.allCases.count * 2 * slices
    /// For each scenario: errors once, errors for ever, and disturbances.
    static let systemCases = FaultScenario.all.count * 3
    static let enumerated = simulatedCases + systemCases

    func run(_ number: UInt64, _ account: inout Account) throws {
        if number < UInt64(Self.simulatedCases) {
            try runSimulated(Int(number), &account)
        } else if number < UInt64(Self.enumerated) {
            try runSystem(Int(number) - Self.simulatedCases, &account)
        } else {
            try runPairs(number, &account)
        }
    }

    /// A slice of one scenario's calls with one kind of fault.
    private func runSimulated(_ number: Int, _ account: inout Account) throws {
        var rest = number
        func draw(_ count: Int) -> Int {
            defer { rest /= count }
            return rest % count
        }
        let slice = draw(Self.slices)
        let isForever = draw(2) == 1
        let kind = SimulatedFaults.Kind.allCases[draw(SimulatedFaults.Kind.allCases.count)]
        let scenario = FaultScenario.all[rest]
        let place = "\(scenario.name), \(kind)\(isForever ? " for ever" : "")"
        let faults = try Self.located("\(scenario.name), no fault") {
            try SimulatedFaults(scenario)
        }
        let count = faults.count(of: kind)
        for call in stride(from: 1 + slice, through: count, by: Self.slices) {
            guard account.enter(call) else { continue }
            account.units += 1
            account.note("\(kind)")
            try Self.located("\(place), call \(call) of \(count)") {
                let fault = SimulatedFaults.Fault(kind: kind, number: call, isForever: isForever)
                try check(try faults.run([fault]) == 1, "the fault did not come")
                guard faults.isSync(kind, call) else { return }
                account.units += 1
                account.note("\(kind) of syncs, the loss hidden by the cache")
                try check(
                    try faults.run([fault], isCached: true) == 1, "the fault did not come")
            }
        }
    }

    /// All system calls of one scenario, with each error that they can give.
    private func runSystem(_ number: Int, _ account: inout Account) throws {
        guard csf_available() != 0 else {
            account.note("skipped: no system calls fail here")
            return
        }
        let scenario = FaultScenario.all[number / 3]
        var faults = try Self.located("\(scenario.name), no system call fails") {
            try SystemFaults(scenario)
        }
        if number % 3 == 2 { return try disturb(&faults, &account) }
        let isForever = number % 3 == 1
        var step = 0
        for kind in SystemFaults.kinds {
            let count = faults.count(of: kind)
            for call in 0..<count {
                step += 1
                guard account.enter(step) else { continue }
                account.units += 1
                account.note("system calls")
                let what = "\(kind)\(isForever ? " for ever" : "")"
                try Self.located("\(scenario.name), \(what), call \(call + 1) of \(count)") {
                    _ = try faults.run(.fault(kind, number: call + 1, isForever: isForever))
                }
            }
        }
    }

    /// Interrupted calls and short transfers, which nobody may notice.
    private func disturb(_ faults: inout SystemFaults, _ account: inout Account) throws {
        for step in 1...6 where account.enter(step) {
            let plan = SystemFaults.Plan.disturbance(
                interrupts: step % 3 != 1, shortens: step % 3 != 2, seed: UInt64(step))
            try Self.located("\(faults.scenario.name), \(plan)") { _ = try faults.run(plan) }
            try check(faults.disturbances > 0, "no call was disturbed")
            account.units += 1
            account.note("disturbed calls", faults.disturbances)
        }
    }

    /// Pairs of faults, the second one as often as not where the first one is recovered from.
    private func runPairs(_ number: UInt64, _ account: inout Account) throws {
        var random = SeededRandom(seed: number)
        let scenario = random.element(of: FaultScenario.all)
        let faults = try SimulatedFaults(scenario)
        for pair in 1...40 {
            let drawn = (0..<2).map { _ in
                let kind = random.element(of: SimulatedFaults.Kind.allCases)
                // A little beyond the end too: the first fault makes calls of its own.
                return SimulatedFaults.Fault(
                    kind: kind, number: 1 + random.below(faults.count(of: kind) + 10),
                    isForever: random.oneIn(4))
            }
            guard account.enter(pair) else { continue }
            account.units += 1
            account.note("pairs")
            try Self.located("\(scenario.name), \(drawn)") { _ = try faults.run(drawn) }
        }
    }

    /// Says where a finding was made.
    static func located<Result>(_ place: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw Failure("\(place): \(error)")
        }
    }
}
