#if KVDB_SCHEDULES
    import StorageIO
    import StorageIOTesting

    /// The schedules of one scenario, by number.
    struct ScheduleExploration {
        /// How many schedules a case has.
        static let blockSize = 100

        let scenario: ScheduleScenario
        let image: ScheduleImage
        /// Every schedule with one preemption; where the scenario has a focus, then every one with two.
        private var enumerated: [ScheduledRun.Plan] = []
        /// How many have one preemption.
        private var singleCount = 0
        /// How many steps there are without preemption.
        private var stepCount = 0
        private var hashes: [UInt64] = []

        /// Runs the scenario without preemption, to see where the others may take over.
        init(_ scenario: ScheduleScenario) throws {
            self.scenario = scenario
            image = try ScheduleImage(scenario)
            for order in [ScheduledRun.Order.first, .last] {
                var plan = emptyPlan
                plan.order = order
                plan.wantsChoices = true
                let run = try check(plan, seed: 0)
                hashes.append(run.hash)
                stepCount = max(stepCount, run.steps)
                for (step, threads) in run.choices.enumerated() {
                    for thread in 0..<32 where threads >> UInt32(thread) & 1 != 0 {
                        var single = emptyPlan
                        single.order = order
                        single.switches = [.init(step: step, thread: thread)]
                        enumerated.append(single)
                    }
                }
            }
            singleCount = enumerated.count
            if scenario.focus != nil { enumeratePairs() }
            let plan = plan(0)
            guard try check(plan, seed: 0).hash == hashes[0] else {
                throw Failure("\(scenario.name): the same schedule ran differently")
            }
        }

        private var emptyPlan: ScheduledRun.Plan {
            var plan = ScheduledRun.Plan()
            plan.focus = scenario.focus
            return plan
        }

        /// Adds every schedule with two preemptions, in an order that takes them from all over.
        private mutating func enumeratePairs() {
            var pairs: [ScheduledRun.Plan] = []
            for single in enumerated {
                let first = single.switches[0].step
                for second in first + 1..<max(first + 2, stepCount + 1) {
                    var pair = single
                    pair.switches.append(.init(step: second, thread: nil))
                    pairs.append(pair)
                }
            }
            var random = SeededRandom(seed: UInt64(pairs.count))
            pairs.shuffle(using: &random)
            enumerated += pairs
        }

        /// Runs the `block`-th hundred schedules.
        mutating func run(block: Int, _ account: inout Account) throws {
            var seen: Set<UInt64> = []
            for step in 0..<Self.blockSize where account.enter(step) {
                let number = block * Self.blockSize + step
                let run = try check(plan(number), seed: UInt64(number))
                // Where nobody else can go on, a switch changes nothing.
                if seen.insert(run.hash).inserted {
                    account.units += 1
                } else {
                    account.note("the same again")
                }
                if number == singleCount + 1 {
                    account.note("scenarios with every single preemption")
                }
                if singleCount < enumerated.count, number == enumerated.count + 1 {
                    account.note("scenarios with every two preemptions")
                }
                account.note("\(run.preemptions) preemptions")
                account.note("steps", run.steps)
            }
        }

        /// The schedule of this number: first every one with at most one preemption, or two.
        private func plan(_ number: Int) -> ScheduledRun.Plan {
            var plan = emptyPlan
            if number < 2 {
                plan.order = number == 0 ? .first : .last
                return plan
            }
            if number < enumerated.count + 2 { return enumerated[number - 2] }
            var random = SeededRandom(seed: UInt64(number))
            plan.seed = random.next()
            plan.order = random.element(of: ScheduledRun.Order.allCases)
            // Races are often close together, so half of the switches soon follow the one before.
            let near = stepCount < 30 ? 1 + stepCount / 4 : 30
            var step = 1 + random.below(stepCount)
            for _ in 0..<(scenario.focus == nil ? 1 + random.below(3) : 3) {
                plan.switches.append(.init(step: step, thread: nil))
                step += 1 + random.below(random.oneIn(2) ? near : max(1, stepCount * 2 / 3))
            }
            return plan
        }

        /// Runs one schedule; what it finds is thrown, with what happened.
        private func check(_ plan: ScheduledRun.Plan, seed: UInt64) throws -> ScheduledRun {
            let world = ScheduleWorld(scenario, image, seed: seed)
            let run = ScheduledRun(plan) { world.run() }
            if run.outcome == .ended && world.problems.isEmpty { return run }
            var plan = plan
            plan.wantsDescription = true
            plan.wantsChoices = false
            let again = ScheduledRun(plan) {
                ScheduleWorld(scenario, image, seed: seed).run()
            }
            let found =
                run.outcome == .ended ? world.problems.joined(separator: "\n") : "\(run.outcome)"
            throw Failure("\(scenario.name), \(plan.text): \(found)\n\(again.description)")
        }
    }

    extension ScheduledRun.Plan {
        /// `order last, seed 12, switches 17 to 2, 40 to any`
        var text: String {
            let switches = switches.map { "\($0.step) to \($0.thread.map(String.init) ?? "any")" }
            return "order \(order), seed \(seed), switches \(switches.joined(separator: ", "))"
        }
    }
#endif
