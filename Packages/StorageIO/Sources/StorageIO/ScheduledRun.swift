#if KVDB_SCHEDULES
    import CStorageIO

    /// One run of some threads in an order that a plan says, the same each time. See `Schedules.h`
    /// for what is modelled and what is not.
    @safe public struct ScheduledRun: Sendable {
        /// At step `step` the processor goes to `thread`, nil for any that can go on.
        public struct Switch: Sendable, Equatable {
            /// The step, from 0 on.
            public var step: Int
            /// The thread that goes on; nil leaves the choice to the order.
            public var thread: Int?

            /// A switch at `step` to `thread`.
            public init(step: Int, thread: Int?) {
                self.step = step
                self.thread = thread
            }
        }

        /// Which thread comes next where the running one can't go on.
        public enum Order: UInt32, Sendable, CaseIterable {
            case first
            case last
            case random
        }

        /// A schedule.
        public struct Plan: Sendable {
            /// By step, ascending.
            public var switches: [Switch] = []
            /// Which thread goes on where the running one can't.
            public var order = Order.first
            /// Where the random choices of the order begin.
            public var seed: UInt64 = 0
            /// More steps are a livelock.
            public var stepLimit = 50_000
            /// Source files ("Module/File.swift", a blank between two) whose marks alone are steps; nil for
            /// every step.
            public var focus: StaticString?
            /// Whether ``ScheduledRun/choices`` is wanted.
            public var wantsChoices = false
            /// Whether ``ScheduledRun/description`` is wanted though the run ends well.
            public var wantsDescription = false

            /// No switch: each thread runs until it waits or ends.
            public init() {}
        }

        /// How a run ended.
        public enum Outcome: Int32, Sendable {
            case ended
            case deadlock
            case livelock
        }

        /// How the run ended.
        public let outcome: Outcome
        /// How many steps it took.
        public let steps: Int
        /// How many of the switches took the processor from a thread that could have gone on.
        public let preemptions: Int
        /// Equal runs have equal hashes.
        public let hash: UInt64
        /// Entry *n*: the threads, as bits, that could have taken over at step *n*.
        public let choices: [UInt32]
        /// The last switches, and where every thread was at the end; empty unless wanted or needed.
        public let description: String

        private final class Body {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }

        /// Runs `body` as thread 0, until it and every thread that it started have ended.
        public init(_ plan: Plan, _ body: @escaping @Sendable () -> Void) {
            let switches = plan.switches.map {
                csio_switch_t(
                    step: UInt32($0.step), thread: $0.thread.map(UInt32.init) ?? .max)
            }
            var choices = [UInt32](repeating: 0, count: plan.wantsChoices ? plan.stepLimit + 1 : 0)
            let context = unsafe Unmanaged.passRetained(Body(body))
            let schedule = unsafe switches.withUnsafeBufferPointer { switches in
                unsafe choices.withUnsafeMutableBufferPointer { choices in
                    var raw = unsafe csio_schedule_plan_t()
                    unsafe raw.switches = switches.baseAddress
                    unsafe raw.switch_count = switches.count
                    unsafe raw.order = plan.order.rawValue
                    unsafe raw.step_limit = UInt32(plan.stepLimit)
                    unsafe raw.seed = plan.seed
                    unsafe raw.choices = plan.wantsChoices ? choices.baseAddress : nil
                    if let focus = plan.focus {
                        unsafe raw.focus = UnsafeRawPointer(focus.utf8Start)
                            .assumingMemoryBound(to: CChar.self)
                    }
                    return unsafe csio_schedule_run(
                        &raw,
                        { context in
                            unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
                        }, context.toOpaque())
                }
            }
            guard let schedule = unsafe schedule else { preconditionFailure("no schedule") }
            outcome = Outcome(rawValue: unsafe csio_schedule_outcome(schedule)) ?? .ended
            steps = Int(unsafe csio_schedule_steps(schedule))
            preemptions = Int(unsafe csio_schedule_preemptions(schedule))
            hash = unsafe csio_schedule_hash(schedule)
            choices.removeLast(max(0, choices.count - steps - 1))
            self.choices = choices
            let isDescribed = plan.wantsDescription || outcome != .ended
            description =
                unsafe !isDescribed
                ? ""
                : withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) {
                    let count = unsafe csio_schedule_describe(schedule, $0.baseAddress, $0.count)
                    return unsafe String(
                        decoding: UnsafeRawBufferPointer(
                            rebasing: UnsafeRawBufferPointer($0)[..<count]),
                        as: UTF8.self)
                }
            unsafe csio_schedule_free(schedule)
        }

        /// Names the calling thread of a run.
        public static func name(_ name: StaticString) {
            unsafe name.utf8Start.withMemoryRebound(
                to: CChar.self, capacity: name.utf8CodeUnitCount
            ) { unsafe csio_schedule_name($0) }
        }

        /// Runs `body` without steps: no other thread comes between unless it waits for one.
        public static func undisturbed<Result, Failure: Error>(
            _ body: () throws(Failure) -> Result
        ) throws(Failure) -> Result {
            csio_schedule_pause(1)
            defer { csio_schedule_pause(0) }
            return try body()
        }
    }
#endif
