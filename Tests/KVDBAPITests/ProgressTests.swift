import KVDB
import StorageIOTesting
import Testing

/// What closures that are told of progress throw, to be told from everything else.
private struct Enough: Error {}

/// Long calls say how far they are, and end when they are asked to.
struct ProgressTests {
    /// A database with two tables whose pages are loosely filled.
    private func makeDatabase(_ folder: TemporaryDirectory) throws -> Database {
        var options = Database.Options(durability: .buffered)
        options.checkpointPolicy = .manual
        let database = try Database(at: folder.file("d.kvdb"), options: options)
        let value = [UInt8](repeating: 7, count: 400)
        try database.write { transaction in
            for number in 0..<8000 { try transaction.put(value, for: "key \(number)") }
            for number in 0..<3000 {
                try transaction[Table<UInt64, String>("more")].put("\(number)", for: UInt64(number))
            }
        }
        try database.write { transaction in
            for number in 0..<8000 where number % 4 != 0 {
                try transaction.delete("key \(number)")
            }
        }
        try database.checkpoint()
        return database
    }

    /// Every entry, as what must not change.
    private func content(_ database: Database) throws -> [String] {
        var all: [String] = []
        try database.forEach { key, value in
            all.append(String(decoding: key, as: UTF8.self) + " \(value.count)")
        }
        try database[Table<UInt64, String>("more")].forEach { key, value in
            all.append("\(key) \(value)")
        }
        return all
    }

    /// Runs `call` once to the end and then once for each state that it was told, ending it there.
    ///
    /// - Parameter isUnchanged: asked after each end.
    private func checkEveryEnd(
        _ call: ((Database.Progress) throws -> Void) throws -> Void,
        _ isUnchanged: () throws -> Void
    ) throws {
        var states: [Database.Progress] = []
        try call { states.append($0) }
        try check(states)
        // The first and the last of each phase, and one in the middle.
        var stops: [Int] = []
        for phase in Set(states.map(\.phase)) {
            let own = states.indices.filter { states[$0].phase == phase }
            stops += [own[0], own[own.count / 2], own[own.count - 1]]
        }
        for stop in Set(stops).sorted() {
            var count = 0
            #expect(throws: Enough.self) {
                try call { _ in
                    count += 1
                    if count > stop { throw Enough() }
                }
            }
            // Nothing is told after that.
            #expect(count <= stop + 1)
            try isUnchanged()
        }
    }

    private func check(_ states: [Database.Progress]) throws {
        try #require(!states.isEmpty)
        for (earlier, later) in zip(states, states.dropFirst()) {
            #expect(earlier.elapsed <= later.elapsed)
            if earlier.phase == later.phase, later.done > 0 {
                #expect(earlier.done <= later.done)
            }
        }
        for state in states {
            #expect(state.total.map { $0 >= state.done } ?? true, "\(state)")
            #expect(state.done > 0 || state.rate == 0)
        }
        #expect(states[0].done == 0)
        let last = try #require(states.last)
        #expect(last.total == nil || last.fraction == 1, "\(last)")
    }

    @Test func verificationTellsOfPagesAndEndsWhenAsked() throws {
        let folder = try TemporaryDirectory()
        let database = try makeDatabase(folder)
        var states: [Database.Progress] = []
        let report = try database.verify { states.append($0) }
        #expect(report.isSound)
        #expect(
            states.count >= 3 && states.allSatisfy { $0.phase == .checking && $0.unit == .pages })
        #expect(states.last?.done == Int(report.checkedPages))
        #expect(states.first?.total == states.last?.total)
        try checkEveryEnd({ _ = try database.verify(progress: $0) }) {
            try database.put("1", for: "after")
            #expect(try database.verify().isSound)
        }
        try database.close()
        let path = folder.file("d.kvdb")
        try checkEveryEnd({ _ = try Database.verify(at: path, progress: $0) }) { () throws in
            #expect(try Database.verify(at: path).isSound)
            #expect(try folder.names() == ["d.kvdb"])
        }
    }

    @Test func aCompactionThatIsEndedLeavesTheContentAndTheFileSound() throws {
        let folder = try TemporaryDirectory()
        let database = try makeDatabase(folder)
        let before = try content(database)
        var phases: [Database.Progress.Phase] = []
        for stop in 0..<100 {
            var count = 0
            do {
                try database.compact {
                    if phases.last != $0.phase { phases.append($0.phase) }
                    count += 1
                    if count > stop { throw Enough() }
                }
                break
            } catch is Enough {}
            #expect(try content(database) == before)
            #expect(try database.verify().isSound)
            try database.put("\(stop)", for: "key 0")
            try database.put([UInt8](repeating: 7, count: 400), for: "key 0")
        }
        for phase: Database.Progress.Phase in [.measuring, .packing, .moving] {
            #expect(phases.contains(phase))
        }
        #expect(try content(database) == before)
        try database.close()
    }

    @Test func whatAClosureThrowsIsThrownAsItIs() throws {
        let database = try Database(inMemory: .init())
        for code: StorageError.Code in [.diskFull, .fileTooLarge, .damaged, .busy] {
            let error = #expect(throws: StorageError.self) {
                try database.compact { _ in throw StorageError(code, "mine") }
            }
            #expect(error?.code == code && error?.message == "mine")
            #expect(throws: StorageError.self) {
                try database.verify { _ in throw StorageError(code, "mine") }
            }
        }
        try database.put("1", for: "a")
    }

    @Test func aStateReadsAsALine() {
        let state = Database.Progress(
            phase: .packing, unit: .entries, done: 50, total: 200, rate: 75)
        #expect("\(state)" == "packing: 50 of 200 entries, 25 %")
        #expect(state.fraction == 0.25 && state.remaining == .seconds(2))
        let open = Database.Progress(phase: .importing, unit: .bytes, done: 50)
        #expect("\(open)" == "importing: 50 bytes")
        #expect(open.fraction == nil && open.remaining == nil)
    }
}
