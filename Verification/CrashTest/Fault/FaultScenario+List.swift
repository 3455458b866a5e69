@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO

extension FaultScenario {
    /// Every scenario; new ones go to the end, so that a case keeps its number.
    static let all: [FaultScenario] = {
        var script = FaultScript(20)
        return writing(&script) + keeping(&script) + opening(&script) + moving(&script)
            + puttingAlone(&script)
    }()

    /// What transactions do.
    private static func writing(_ script: inout FaultScript) -> [FaultScenario] {
        let some = script.commits(3, of: 20, 120)
        var list = [
            FaultScenario("create", [.commit(script.put(0..<3, 20)), .reopen]),
            FaultScenario("put", script.commits(6, of: 3, 60)),
            FaultScenario("split at the edge", script.commits(5, of: 12, 250)),
            FaultScenario(
                "split in the middle", setup: some, script.commits(6, of: 4, 300, below: 60)),
            FaultScenario(
                "merge", setup: some, (0..<6).map { .commit(deletes($0 * 10..<$0 * 10 + 9)) }),
            FaultScenario(
                "overflow",
                [
                    .commit(script.put([1], 5000)), .commit(script.put([2], 9000)),
                    .commit(script.put([1], 12_000)), .checkpoint, .read,
                    .commit(deletes([2]) + script.put([1], 3)),
                ]),
            FaultScenario(
                "value written past the cache", options: { $0.loggedTransactionLimit = 4 << 10 },
                [.commit(script.put([1], 300 << 10)), .read, .commit(deletes([1]))]),
            FaultScenario(
                "transaction too large to log", setup: some,
                [.commit(script.put(100..<150, 250)), .commit(script.put([7], 9))]),
            FaultScenario(
                "transaction too large for memory", options: { $0.dirtyBudget = 16 << 10 },
                [.commit(script.put(0..<120, 900)), .read]),
        ]
        list += [
            FaultScenario(
                "aborts", setup: some,
                [
                    .abort(script.put(0..<10, 50)), .commit(script.put([3], 9)),
                    // Large enough to be written out before the end.
                    .abort(script.put(0..<100, 800)), .commit(script.put([4], 9)), .read,
                ]),
            FaultScenario(
                "ranges deleted", setup: some + script.commits(2, of: 20, 300, below: 900),
                [
                    .commit([.deleteRange(KeyRange(from: numberKey(5), upTo: numberKey(30)))]),
                    .commit(script.put(0..<4, 30)), .commit([.deleteRange(.all)]),
                    .commit(script.put(0..<4, 30)),
                ]),
            FaultScenario(
                "tables",
                [
                    .commit([.createTable("a"), .createTable("b")]),
                    .commit(script.put(0..<20, 200, table: "a") + script.put(0..<3, 9)),
                    .checkpoint, .commit(script.put(0..<9, 100, table: "b") + [.dropTable("a")]),
                    .commit([.createTable("a")] + deletes([1], table: "b")), .reopen,
                ]),
            FaultScenario(
                "a writer that waits in vain", setup: some,
                [.waitInVain(script.put(0..<5, 90)), .commit(script.put([1], 5))]),
        ]
        return list
    }

    /// Durability, checkpoints, the log, and reading.
    private static func keeping(_ script: inout FaultScript) -> [FaultScenario] {
        let some = script.commits(4, of: 20, 200)
        var weak: [FaultStep] = []
        for (index, step) in script.commits(9, of: 2, 150).enumerated() {
            guard case .commit(let changes, _) = step else { continue }
            weak.append(.commit(changes, [.buffered, .full, .written][index % 3]))
        }
        return [
            FaultScenario(
                "commits only written", script.commits(8, of: 3, 150, .written) + [.sync]),
            FaultScenario(
                "commits only buffered",
                script.commits(5, of: 3, 150, .buffered) + [.sync]
                    + script.commits(3, of: 3, 100, .buffered)),
            FaultScenario("durabilities in turns", weak + [.sync]),
            FaultScenario(
                "no log", options: { $0.usesLog = false }, script.commits(4, of: 5, 200) + [.reopen]
            ),
            FaultScenario(
                "no log, weak", options: { $0.usesLog = false },
                script.commits(3, of: 5, 200, .written) + [.sync]
                    + script.commits(3, of: 5, 200, .buffered)),
            FaultScenario(
                "checkpoints", setup: some, options: { $0.checkpointPolicy = .manual },
                [
                    .commit(script.put(0..<20, 200)), .checkpoint, .checkpoint,
                    .commit(script.put([1], 9)), .checkpoint,
                ]),
            FaultScenario(
                "pages reused", setup: some, options: { $0.checkpointPolicy = .manual },
                (0..<3).flatMap { _ in
                    [.commit(script.put(0..<10, 220)), .checkpoint] as [FaultStep]
                }),
            FaultScenario(
                "log recycled", options: { $0.logBudget = 8 << 10 },
                script.commits(14, of: 2, 800, below: 9)),
            FaultScenario(
                "records over several segments", options: { $0.loggedTransactionLimit = 64 << 10 },
                [.commit(script.put(0..<40, 400)), .commit(script.put(0..<40, 300)), .sync]),
            FaultScenario(
                "snapshots held", setup: some,
                [.hold] + script.commits(5, of: 3, 900, below: 80) + [.checkpoint, .release]
                    + script.commits(2, of: 3, 900, below: 80)),
            FaultScenario(
                "a cache that evicts", setup: script.commits(10, of: 20, 700),
                [.read, .commit(script.put([5, 90, 150], 600)), .read, .verify]),
            FaultScenario(
                "verify", setup: some, [.commit(script.put([5], 600)), .verify, .verify]),
        ]
    }

    /// Opening, recovering and closing.
    private static func opening(_ script: inout FaultScript) -> [FaultScenario] {
        let some = script.commits(4, of: 10, 150)
        let long =
            script.commits(6, of: 8, 300) + [.commit(script.put([3], 6000))]
            + [.commit([.createTable("t")] + script.put(0..<5, 50, table: "t"))]
        return [
            FaultScenario(
                "close and open", setup: some,
                [.reopen, .commit(script.put([1], 9)), .reopen, .reopen]),
            FaultScenario("recovery", setup: some, closes: false, [.read, .reopen]),
            FaultScenario(
                "recovery of a long log", setup: long, closes: false,
                options: { $0.checkpointPolicy = .manual },
                [.commit(script.put([4], 90)), .checkpoint, .reopen]),
            FaultScenario(
                "recovery with small budgets", setup: long, closes: false,
                options: { $0.dirtyBudget = 16 << 10 }, [.commit(script.put([4], 90)), .read]),
            FaultScenario("read-only", setup: some, readOnly: true, [.read, .verify]),
            FaultScenario(
                "read-only over a log", setup: some, closes: false, readOnly: true,
                [.read, .verify]),
            FaultScenario(
                "read-only in between", setup: some,
                [.commit(script.put([4], 90)), .reopenReadOnly, .commit(script.put([5], 90))]),
            FaultScenario(
                "no log, reopened", setup: some, options: { $0.usesLog = false },
                [.commit(script.put([4], 90)), .reopen]),
        ]
    }

    /// Compaction, export and import.
    private static func moving(_ script: inout FaultScript) -> [FaultScenario] {
        let loose =
            script.commits(3, of: 40, 220)
            + [.commit(deletes((0..<120).filter { $0 % 4 != 0 })), .checkpoint]
        let tables: [FaultStep] =
            script.commits(2, of: 20, 300)
            + [.commit(script.put(0..<20, 90, table: "t") + script.put([900], 70_000))]
        return [
            FaultScenario("compact", setup: loose, [.compact, .commit(script.put([1], 9))]),
            FaultScenario(
                "compact beside a snapshot", setup: loose,
                [.hold, .compact, .commit(script.put([1], 9)), .release, .compact]),
            FaultScenario(
                "compact without a log", setup: loose, options: { $0.usesLog = false }, [.compact]),
            FaultScenario("import", [.importEntries(script.events(40, 150), replacing: false)]),
            FaultScenario(
                "import in place of everything", setup: tables,
                [.importEntries(script.events(40, 150), replacing: true), .reopen]),
            FaultScenario(
                "import out of order", setup: tables,
                [.importEntries(script.events(30, 200, sorted: false), replacing: false)]),
            FaultScenario("export", setup: tables, [.export(packed: false)]),
            FaultScenario("export packed", setup: tables, [.export(packed: true)]),
            FaultScenario(
                "export over an older one", setup: tables,
                [.export(packed: false), .commit(script.put(0..<9, 50)), .export(packed: true)]),
            FaultScenario(
                "export and import", setup: tables,
                [.export(packed: false), .commit(script.put([1], 50)), .importFile]),
            FaultScenario(
                "export and import packed", setup: tables,
                [.export(packed: true), .commit([.deleteRange(.all)]), .importFile, .read]),
        ]
    }

    /// Single puts that change pages where they are.
    private static func puttingAlone(_ script: inout FaultScript) -> [FaultScenario] {
        let some = script.commits(2, of: 20, 120)
        let written = script.commits(8, of: 1, 60, below: 30, .written)
        return [
            FaultScenario(
                "single puts", setup: some, options: { $0.checkpointPolicy = .manual },
                written + script.commits(4, of: 1, 60, below: 30, .buffered)
                    + [.hold] + script.commits(3, of: 1, 60, below: 30, .written)
                    + [.release, .checkpoint]
                    + script.commits(4, of: 1, 60, below: 30, .written) + [.sync])
        ]
    }
}
