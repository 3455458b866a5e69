@_spi(Engine) import DatabaseTesting
import StorageIOTesting
import Testing

/// The checker of histories finds what it should: known bad histories, each named, and random ones on
/// which it must agree with a search for a serial order.
@Suite struct HistoryCheckerTests {
    /// Operations as text: `a1.5` appends 5 to list 1, `r1.5.6` reads 5 and 6 from it.
    static func transaction(
        _ steps: String, _ invoked: Int, _ completed: Int,
        _ ending: ListTransaction.Ending = .committed
    ) -> ListTransaction {
        var one = ListTransaction()
        (one.invoked, one.completed, one.ending) = (invoked, completed, ending)
        for step in steps.split(separator: " ") {
            let numbers = step.dropFirst().split(separator: ".").map { Int($0)! }
            if step.first == "a" {
                one.operations.append(.append(key: numbers[0], element: numbers[1]))
            } else {
                one.operations.append(.read(key: numbers[0], list: Array(numbers.dropFirst())))
            }
        }
        return one
    }

    /// All at the same time, but for a last one that reads everything after them.
    static func concurrent(_ steps: String..., final: String) -> [ListTransaction] {
        steps.map { transaction($0, 0, 10) } + [transaction(final, 20, 30)]
    }

    static let bad: [(name: String, kind: Anomaly.Kind, realTime: Bool, [ListTransaction])] = [
        ("G0", .writeCycle, false, concurrent("a1.1 a2.3", "a1.2 a2.4", final: "r1.1.2 r2.4.3")),
        (
            "G1a", .abortedRead, false,
            [transaction("a1.1", 0, 10, .aborted), transaction("r1.1", 0, 10)]
                + [transaction("r1.1", 20, 30)]
        ),
        ("G1b", .intermediateRead, false, concurrent("a1.1 a1.2", "r1.1", final: "r1.1.2")),
        ("G1c", .informationCycle, false, concurrent("a1.1 r2.2", "a2.2 r1.1", final: "r1.1 r2.2")),
        (
            "G-single, a skewed read", .singleAntiCycle, false,
            concurrent("a1.1 a2.2", "r1.1 r2", final: "r1.1 r2.2")
        ),
        ("lost update", .singleAntiCycle, false, concurrent("r1 a1.1", "r1 a1.2", final: "r1.1.2")),
        ("G2, write skew", .antiCycle, false, concurrent("r1 a2.2", "r2 a1.1", final: "r1.1 r2.2")),
        (
            "a stale read", .singleAntiCycle, true,
            [transaction("a1.1", 0, 1), transaction("r1", 2, 3), transaction("r1.1", 20, 30)]
        ),
        (
            "an order against time", .writeCycle, true,
            [transaction("a1.2", 0, 1), transaction("a1.1", 2, 3), transaction("r1.1.2", 20, 30)]
        ),
        (
            "a read from the future", .informationCycle, true,
            [transaction("r1.1", 0, 1), transaction("a1.1", 2, 3), transaction("r1.1", 20, 30)]
        ),
        ("a lost append", .lostAppend, false, concurrent("a1.1", "a1.2", final: "r1.2")),
        ("an append twice", .repeatedElement, false, concurrent("a1.1", final: "r1.1.1")),
        ("garbage", .unknownElement, false, concurrent("a1.1", final: "r1.1.7")),
        ("internal", .inconsistentRead, false, concurrent("a1.1 r1", final: "r1.1")),
        (
            "an unrepeatable read", .inconsistentRead, false,
            concurrent("a1.1", "r1 r1.1", final: "r1.1")
        ),
        (
            "incompatible orders", .incompatibleOrder, false,
            concurrent("a1.1", "a1.2", "r1.2.1", "r1.1.2", final: "r1.1.2")
        ),
    ]

    @Test(arguments: bad.map(\.name)) func knownBadHistoriesAreFound(name: String) throws {
        let (_, kind, isRealTime, history) = Self.bad.first { $0.name == name }!
        let found = HistoryChecker.check(history, isComplete: true)
        #expect(found.contains { $0.kind == kind && $0.isRealTime == isRealTime }, "\(found)")
        #expect(!SerialSearch.isExplained(history))
    }

    /// A cycle is reported by its shortest form, with the transactions on it.
    @Test func aCycleIsShort() throws {
        var history: [ListTransaction] = []
        for element in 1...40 {
            let before = (1..<element).map { ".\($0)" }.joined()
            history.append(Self.transaction("r1\(before) a1.\(element)", 0, 100))
        }
        let all = (1...40).map { ".\($0)" }.joined()
        // One that saw list 2 before, and list 1 after, the same transaction.
        history.append(Self.transaction("a2.99 r1\(all)", 0, 100))
        history[20].operations.append(.read(key: 2, list: [99]))
        history.append(Self.transaction("r1\(all) r2.99", 200, 300))
        let found = try #require(HistoryChecker.check(history, isComplete: true).first)
        #expect(found.kind == .informationCycle)
        #expect(found.description.contains("20:") && found.description.contains("40:"))
        #expect(found.description.split(separator: "then, by").count < 25)
    }

    /// What a crash leaves: a prefix is sound, a hole is not, and an acknowledged commit must be there.
    @Test func recoveredStatesArePrefixes() throws {
        let commits = [
            Self.transaction("a1.1", 0, 1), Self.transaction("r1.1 a2.2", 2, 3),
            Self.transaction("a1.3", 4, 5),
        ]
        func check(_ read: String, after: [Int] = []) -> Bool {
            var recovered = Self.transaction(read, 3, .max)
            recovered.isRecovered = true
            recovered.after = after
            let final = Self.transaction("r1.1.3 r2.2", 8, 9)
            return HistoryChecker.check(commits + [recovered, final], isComplete: true).isEmpty
        }
        #expect(check("r1 r2") && check("r1.1 r2") && check("r1.1 r2.2") && check("r1.1.3 r2.2"))
        #expect(!check("r1 r2.2"))
        #expect(!check("r1.1 r2", after: [1]))
        #expect(check("r1.1 r2.2", after: [1]))
    }

    /// Random histories of some serial execution, changed at random: the checker's verdict is the
    /// search's.
    @Test(arguments: Seeds.first(8))
    func verdictsAgreeWithASearch(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var refuted = 0
        for _ in 0..<200 {
            var history = Self.serialHistory(&random)
            #expect(HistoryChecker.check(history, isComplete: true).isEmpty)
            for _ in 0..<random.number(in: 1...2) {
                history = HistoryMutation.mutate(history, &random)
            }
            let isSound = HistoryChecker.check(history, isComplete: true).isEmpty
            if !isSound { refuted += 1 }
            #expect(
                isSound == SerialSearch.isExplained(history), "\(Seeds.again(seed))\n\(history)")
        }
        #expect(refuted > 20 && refuted < 190)
    }

    private static func serialHistory(_ random: inout SeededRandom) -> [ListTransaction] {
        var history: [ListTransaction] = []
        var lists: [Int: [Int]] = [:]
        var element = 0
        for number in 0..<random.number(in: 2...8) {
            var one = ListTransaction()
            // Each takes effect at its number's ten, somewhere between its ends.
            one.invoked = number * 10 - random.below(25)
            one.completed = number * 10 + 1 + random.below(25)
            for _ in 0..<random.number(in: 1...3) {
                let key = random.below(2)
                if random.oneIn(2) {
                    element += 1
                    lists[key, default: []].append(element)
                    one.operations.append(.append(key: key, element: element))
                } else {
                    one.operations.append(.read(key: key, list: lists[key] ?? []))
                }
            }
            history.append(one)
        }
        var final = ListTransaction()
        (final.invoked, final.completed) = (1000, 1001)
        for key in 0..<2 { final.operations.append(.read(key: key, list: lists[key] ?? [])) }
        return history + [final]
    }
}
