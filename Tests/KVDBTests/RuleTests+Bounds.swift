@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

/// What memory, file and calls are bounded by (R8 to R11).
extension RuleTests {
    // MARK: R8

    /// Whatever a transaction does and however large the database is, memory stays by the budgets.
    @Test func r8MemoryIsBoundedByTheBudgets() throws {
        let files = CrashingFileSystem()
        let options = DatabaseOptions.small
        let database = try SimulatedDatabase.open(on: files, options)
        // What is dirty may exceed its budget by what one operation adds before it is written out.
        let dirtyLimit = 2 * options.dirtyBudget + (64 << 10)
        // Where pages share a page of the system's memory, all of that stays with a dirty one of them.
        let memoryPage = AddressSpace.pageSize
        let residentLimit =
            max(options.cacheBudget, 4 * memoryPage) + dirtyLimit * (memoryPage / 4096)
        var largest = 0
        func look() throws {
            let statistics = try database.statistics()
            largest = max(largest, statistics.residentByteCount)
            try check(
                statistics.residentByteCount <= residentLimit
                    && statistics.dirtyByteCount <= dirtyLimit,
                "\(statistics.residentByteCount) bytes resident, \(statistics.dirtyByteCount) dirty"
            )
        }
        var random = SeededRandom(seed: 8)
        // One transaction of a hundred times the dirty budget.
        try database.write { transaction in
            for number in 0..<16_000 {
                try transaction.put(numberKey(random.below(1 << 20)), random.bytes(100))
                if number % 50 == 0 { try look() }
            }
        }
        try look()
        let snapshot = try database.snapshot()
        var entries = 0
        try snapshot.forEach { _, _ in
            entries += 1
            return true
        }
        #expect(entries == Int(snapshot.count))
        try look()
        for _ in 0..<40 {
            try database.write { transaction in
                for _ in 0..<20 {
                    try transaction.put(numberKey(random.below(1 << 20)), random.bytes(100))
                }
            }
            try look()
        }
        try database.compact()
        try look()
        try database.deleteRange(.all)
        try look()
        #expect(largest > options.cacheBudget / 2)
    }

    // MARK: R9

    /// Churn does not make the file grow, not even under a snapshot that lives through all of it:
    /// that pins what it can see and nothing else.
    @Test(arguments: [false, true]) func r9ChurnDoesNotGrowTheFile(isHeld: Bool) throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        var random = SeededRandom(seed: 9)
        try database.write { transaction in
            for number in 0..<1500 { try transaction.put(numberKey(number), random.bytes(100)) }
        }
        try database.checkpoint()
        try database.compact()
        let live = try database.statistics().fileByteCount
        let snapshot = isHeld ? try database.snapshot() : nil
        var largest: UInt64 = 0
        for _ in 0..<150 {
            try database.write { transaction in
                for _ in 0..<60 {
                    try transaction.put(numberKey(random.below(1500)), random.bytes(100))
                }
            }
            largest = max(largest, try database.statistics().fileByteCount)
        }
        // Live data (leaves at half to full), as much again for a snapshot, and one checkpoint's
        // shadows: 60 changes touch each leaf but few.
        let limit = live * (isHeld ? 4 : 3) + 64 * 4096
        #expect(largest <= limit, "\(largest) bytes, \(live) of them live")
        let count = snapshot?.count
        #expect(count == nil || count == 1500)
        withExtendedLifetime(snapshot) {}
        try database.checkSound()
    }

    /// A snapshot that lives while everything is replaced many times pins only its own pages.
    @Test func r9AnOldSnapshotPinsOnlyWhatItSees() throws {
        let files = CrashingFileSystem()
        let database = try SimulatedDatabase.open(on: files)
        func fill(_ round: Int) throws {
            try database.write { transaction in
                try transaction.deleteRange(.all)
                for number in 0..<500 {
                    try transaction.put(
                        numberKey(number), [UInt8](repeating: UInt8(round), count: 90))
                }
            }
        }
        try fill(0)
        try database.checkpoint()
        let live = try database.statistics().pageCount
        let snapshot = try database.snapshot()
        for round in 1...30 { try fill(round) }
        try database.checkpoint()
        let statistics = try database.statistics()
        #expect(statistics.liveSnapshots.map(\.transaction) == [snapshot.transaction])
        #expect(statistics.liveSnapshots[0].pinnedPages <= live)
        #expect(statistics.pageCount <= 5 * live, "\(statistics.pageCount) pages, \(live) live")
        #expect(try snapshot.get(numberKey(3)) == [UInt8](repeating: 0, count: 90))
    }

    // MARK: R10

    /// Counts, ranks and n-th entries are exact, and cost the tree's height in pages.
    @Test func r10CountsAreExactAndCheap() throws {
        let files = CrashingFileSystem()
        var model = SortedArrayModel()
        var random = SeededRandom(seed: 10)
        do {
            let database = try SimulatedDatabase.open(on: files)
            try database.write { transaction in
                for _ in 0..<20_000 {
                    let key = tall(random.below(60_000))
                    model.put(key, [1])
                    try transaction.put(key, "value")
                }
                for _ in 0..<5000 {
                    let key = tall(random.below(60_000))
                    model.delete(key)
                    try transaction.delete(key)
                }
            }
            try database.close()
        }
        let database = try SimulatedDatabase.open(on: files)
        let snapshot = try database.snapshot()
        let height = UInt64(try database.statistics().height)
        #expect(height >= 3)
        #expect(snapshot.count == UInt64(model.count))
        for _ in 0..<300 {
            let a = tall(random.below(60_000))
            let b = tall(random.below(60_000))
            let index = random.below(model.count)
            func cost(_ body: () throws -> Bool) throws -> UInt64 {
                let before = try database.statistics().pageLoads
                #expect(try body())
                return try database.statistics().pageLoads - before
            }
            let range = KeyRange(from: a, upTo: b)
            let count = range.isEmpty ? 0 : model.count(from: a, to: b)
            #expect(try cost { try snapshot.count(in: range) == UInt64(count) } <= 2 * height)
            #expect(try cost { try snapshot.rank(a) == UInt64(model.rank(a)) } <= height)
            #expect(
                try cost { try snapshot.entry(at: UInt64(index))?.key == model.nth(index)?.key }
                    <= height)
        }
    }

    /// A long key whose neighbours differ only at its end, so that few fit a page and separators
    /// are long: a tall tree.
    private func tall(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(number / 5000), count: 150) + numberKey(number)
    }

    // MARK: R11

    /// One commit: one write and one sync of the log, and no other call.
    @Test func r11OneCommitIsOneWriteAndOneSync() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.manual
        options.logSegmentSize = 1 << 20
        options.cacheBudget = 1 << 20
        let database = try SimulatedDatabase.open(on: files, options)
        // The first one may have to make a segment.
        try database.put("warm", "up")
        let operations = Operations()
        files.beforeOperation = { operations.add($0) }
        for number in 0..<100 {
            operations.clear()
            try database.write { transaction in
                try transaction.put(numberKey(number), numberKey(number))
                try transaction.put(numberKey(number), numberKey(number), table: "t")
            }
            #expect(operations.all.map(\.kind) == [.write, .sync])
            #expect(operations.all.allSatisfy { $0.path == logPath })
        }
    }

    /// Commits that wait for the medium while one is being synced share the next write and sync:
    /// eight commits, two of each.
    @Test func r11CommitsThatWaitShareASync() throws {
        let files = CrashingFileSystem()
        var options = DatabaseOptions.manual
        options.logSegmentSize = 1 << 20
        options.dirtyBudget = 1 << 20
        options.cacheBudget = 2 << 20
        let database = try SimulatedDatabase.open(on: files, options)
        try database.put("warm", "up")
        let last = try database.statistics().lastTransaction
        let operations = Operations()
        files.beforeOperation = { [unowned database] operation in
            operations.add(operation)
            guard operation.kind == .sync, operations.count(of: .sync) == 1 else { return }
            // The first commit is at its sync. Wait until the seven others have appended theirs:
            // then a transaction begun now would be the ninth.
            while true {
                guard let transaction = try? database.begin() else { return }
                let number = transaction.number
                transaction.abort()
                if number == last + 9 { return }
                System.yield()
            }
        }
        try inParallel(8) { thread in try database.put(numberKey(thread), "value") }
        files.beforeOperation = nil
        #expect(operations.count(of: .write) == 2, "\(operations.all)")
        #expect(operations.count(of: .sync) == 2)
        #expect(try database.count() == 9)
    }
}
