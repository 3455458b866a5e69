import StorageIO

/// Cuts the power at every call of a program, and lets a check look at what is left.
///
/// For whoever keeps a format of their own in files, or calls the layers below `KVDB` themselves:
///
///     try PowerCuts.sweep(0) { files, acknowledged in
///         let store = try Store(files)                    // opens what is there, or creates it
///         for number in acknowledged.value + 1...acknowledged.value + 10 {
///             try store.append(number)                    // durable, it says, when it returns
///             acknowledged.value = number
///         }
///         store.close()
///     } check: { survivor, acknowledged in
///         let found = try Store(survivor).count
///         guard found >= acknowledged else { throw Lost(found, of: acknowledged) }
///     }
///
/// **What is looked at.** The program runs once on an empty ``CrashingFileSystem``. Before each of its
/// operations, and after the last, the check gets what a power cut at that moment leaves, in every kind of
/// ``Survival/variants``, with the last value that the program had acknowledged by then. And at each of
/// these moments the program is started again, as its next run would be: once on what a killed process
/// leaves (all that was written, durable or not), and once on what a power cut leaves. In these second
/// runs the power is cut before every operation too. A program that can't go on from a crash, whether it
/// throws or trusts what is not durable yet, is found by that.
///
/// Each state is looked at once: two power cuts that leave the same bytes under the same names, after the
/// same promise, are one. So the check must come to the same verdict about the same state.
///
/// **What is not.** Calls that fail, full disks and damaged bytes
/// (``CrashingFileSystem/fail(operation:of:with:forever:count:)``), threads, and all that
/// ``CrashingFileSystem`` does not model. A program whose operations differ from run to run is
/// looked at, but a failure can't be repeated.
///
/// The cost is the square of the program's changing operations, times the cost of a check: keep the program
/// to some hundred operations, and its files small.
public enum PowerCuts {
    /// What a program has promised so far. The harness reads it at each operation.
    public final class Acknowledged<Value: Sendable>: @unchecked Sendable {
        // Sendable: `current` is only touched under `lock`.
        private let lock = Lock()
        private var current: Value

        /// Starts with what earlier runs have promised.
        public init(_ value: Value) { current = value }

        /// The newest promise. Set it after the call that makes it true has returned.
        public var value: Value {
            get { lock.withLock { current } }
            set { lock.withLock { current = newValue } }
        }
    }

    /// What a sweep found wrong.
    public struct Failure: Error, CustomStringConvertible {
        /// The moment of the first state that was wrong, and what was done to it.
        public let place: String
        /// What the check, or the program's next run, threw there.
        public let error: any Error
        /// How many states were wrong.
        public let wrongStates: Int
        /// How many states were looked at.
        public let states: Int

        /// All of it, in one line.
        public var description: String {
            "\(wrongStates) of \(states) states are wrong; the first is \(place): \(error)"
        }
    }

    /// Cuts the power at every operation of `program`; see ``PowerCuts``.
    ///
    /// - Parameters:
    ///   - nothing: what is acknowledged before the program has run.
    ///   - restarts: whether the program is also started again on what a crash leaves.
    ///   - program: what is to survive. It opens or creates what it needs, says what it has promised,
    ///     and closes. It may begin with any value that an earlier run has acknowledged, and with files
    ///     that such a run left.
    ///   - check: looks at what is left, as often as it likes; what it changes there is gone afterwards.
    ///     It throws when something that was acknowledged is missing, or cannot be opened.
    /// - Returns: how many states were looked at, each unlike the others, and how many runs.
    /// - Throws: ``Failure`` when a check, or a run of the program, threw.
    @discardableResult
    public static func sweep<Value: Hashable & Sendable>(
        _ nothing: Value, restarts: Bool = true,
        _ program: @escaping @Sendable (CrashingFileSystem, Acknowledged<Value>) throws -> Void,
        check: @escaping @Sendable (CrashingFileSystem, Value) throws -> Void
    ) throws -> Int {
        let sweep = Sweep(program, check)
        sweep.runFirst(nothing, restarts: restarts)
        return try sweep.result()
    }
}

/// One sweep under way.
private final class Sweep<Value: Hashable & Sendable>: @unchecked Sendable {
    // Sendable: one thread runs it; the hooks that keep it are called by that thread.
    typealias Program = @Sendable (CrashingFileSystem, PowerCuts.Acknowledged<Value>) throws -> Void
    typealias Check = @Sendable (CrashingFileSystem, Value) throws -> Void

    /// What a power cut left, and what was promised by then.
    struct State: Hashable {
        var fingerprint: UInt64
        var value: Value
    }

    /// When two moments of a run have this in common, the same may be lost at both.
    struct Moment: Equatable {
        var changes: Int
        var unsynced: Int
        var value: Value
    }

    /// The moment of a run that was looked at last.
    final class Last: @unchecked Sendable {
        // Sendable: only the thread that runs the program touches it.
        var moment: Moment?
    }

    private let program: Program
    private let check: Check
    private var states = 0
    private var wrongStates = 0
    private var first: (place: String, error: any Error)?
    /// Goes through the kinds of survival in turns.
    private var turn = 0
    /// What the check has seen, and what the program was started again on.
    private var seen: Set<State> = []
    private var started: Set<State> = []

    init(_ program: @escaping Program, _ check: @escaping Check) {
        self.program = program
        self.check = check
    }

    /// The first run, and at each of its moments the runs after a crash.
    func runFirst(_ nothing: Value, restarts: Bool) {
        run(on: CrashingFileSystem(), nothing, "the first run") { [self] files, value, moment in
            for variant in Survival.variants.indices {
                look(at: files, variant: variant, value, moment)
            }
            guard restarts else { return }
            if files.unsyncedChangeCount > 0 {
                runAgain(on: files.afterKill(), value, "after a kill \(moment), the next run")
            }
            let variant = nextVariant()
            let left = files.survivors(variant: variant, seed: UInt64(files.operationCount))
            guard started.insert(State(fingerprint: left.fingerprint, value: value)).inserted
            else { return }
            runAgain(
                on: left, value,
                "after a power cut \(moment) (\(Survival.variants[variant])), the next run")
        }
    }

    private func runAgain(on files: CrashingFileSystem, _ value: Value, _ name: String) {
        run(on: files, value, name) { [self] files, value, moment in
            for variant in Survival.variants.indices {
                look(at: files, variant: variant, value, moment)
            }
        }
    }

    private func nextVariant() -> Int {
        turn += 1
        return turn % Survival.variants.count
    }

    /// Runs the program, and calls `visit` at the end, and before each operation unless nothing has changed
    /// since the one before.
    private func run(
        on files: CrashingFileSystem, _ value: Value, _ name: String,
        visit: @escaping @Sendable (CrashingFileSystem, Value, String) -> Void
    ) {
        let acknowledged = PowerCuts.Acknowledged(value)
        let last = Last()
        files.beforeOperation = { [unowned files] operation in
            // The operation itself is counted already.
            let isChanging = FileOperation.Kind.changing.contains(operation.kind)
            let moment = Moment(
                changes: files.count(of: .changing) - (isChanging ? 1 : 0),
                unsynced: files.unsyncedChangeCount, value: acknowledged.value)
            if moment == last.moment { return }
            last.moment = moment
            visit(files, moment.value, "before \(operation) of \(name)")
        }
        states += 1
        do { try program(files, acknowledged) } catch { note(error, "\(name) itself") }
        files.beforeOperation = nil
        visit(files, acknowledged.value, "at the end of \(name)")
    }

    /// Lets the check look at what a power cut now would leave.
    private func look(
        at files: CrashingFileSystem, variant: Int, _ value: Value, _ moment: String
    ) {
        let left = files.survivors(variant: variant, seed: UInt64(files.operationCount))
        guard seen.insert(State(fingerprint: left.fingerprint, value: value)).inserted else {
            return
        }
        states += 1
        do {
            try check(left, value)
        } catch {
            note(error, "a power cut \(moment) (\(Survival.variants[variant]))")
        }
    }

    private func note(_ error: any Error, _ place: String) {
        wrongStates += 1
        if first == nil { first = (place, error) }
    }

    func result() throws -> Int {
        guard let first else { return states }
        throw PowerCuts.Failure(
            place: first.place, error: first.error, wrongStates: wrongStates, states: states)
    }
}
