import StorageIO
import StorageIOTesting
import Synchronization
import Testing

/// What a simulated crash leaves: the fault model that stands above `CrashingFileSystem`.
@Suite struct CrashingFileSystemTests {
    private static let seeds: Range<UInt64> = 0..<60

    /// A file with a durable name.
    private static func file(_ fileSystem: CrashingFileSystem, _ name: String = "a") throws
        -> CrashingFile
    {
        let file = try fileSystem.open(name, .createNew)
        try fileSystem.syncDirectory(of: name)
        return file
    }

    private static func content(_ fileSystem: CrashingFileSystem, _ name: String = "a") throws
        -> [UInt8]
    {
        try fileSystem.open(name, .readOnly).readAll()
    }

    @Test(arguments: seeds) func syncedBytesSurvive(_ seed: UInt64) throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        let synced = [UInt8](repeating: 1, count: 10_000)
        try file.writeBytes(synced)
        try file.sync()
        try file.writeBytes([UInt8](repeating: 2, count: 5_000), at: 20_000)
        let left = try Self.content(fileSystem.survivors(seed: seed))
        #expect(left.count >= 10_000)
        #expect(Array(left[..<10_000]) == synced)
        // And what survived is durable: a second crash leaves the same.
        let again = fileSystem.survivors(seed: seed).survivors(seed: seed + 1)
        #expect(try Self.content(again) == left)
    }

    @Test func noneAndAllAreTheExtremes() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([1, 1, 1])
        try file.sync()
        try file.writeBytes([2, 2, 2, 2])
        _ = try fileSystem.open("b", .createNew)
        try fileSystem.rename("a", to: "c", replacing: false)
        let none = fileSystem.survivors(.none)
        #expect(none.paths == ["a"])
        #expect(try Self.content(none) == [1, 1, 1])
        let all = fileSystem.survivors(.all)
        #expect(all.paths == ["b", "c"])
        #expect(try Self.content(all, "c") == [2, 2, 2, 2])
    }

    /// Each sector is old or new, wholly; over the seeds every sector is seen in both states, and
    /// later sectors are seen without earlier ones.
    @Test func sectorsSurviveOnTheirOwn() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 1, count: 4_096))
        try file.sync()
        try file.writeBytes([UInt8](repeating: 2, count: 4_096))
        var states = [Set<UInt8>](repeating: [], count: 8)
        var isReordered = false
        for seed in Self.seeds {
            let left = try Self.content(fileSystem.survivors(.random, seed: seed))
            let sectors = (0..<8).map { Set(left[$0 * 512..<($0 + 1) * 512]) }
            for (index, sector) in sectors.enumerated() {
                #expect(sector.count == 1, "sector \(index) is torn, seed \(seed)")
                states[index].formUnion(sector)
            }
            isReordered = isReordered || (sectors[0] == [1] && sectors[7] == [2])
        }
        #expect(states.allSatisfy { $0 == [1, 2] })
        #expect(isReordered)
    }

    /// Two writes to one sector: the later can't survive without the earlier, since the sector was
    /// written from a cache that held both.
    @Test(arguments: seeds) func aSectorHoldsAllThatWasWrittenToItUntilThen(_ seed: UInt64) throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 0, count: 512))
        try file.sync()
        try file.writeBytes([1, 1], at: 0)
        try file.writeBytes([2, 2], at: 2)
        let left = try Self.content(fileSystem.survivors(seed: seed))
        #expect([[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 2, 2]].contains(Array(left[..<4])))
    }

    @Test func prefixesKeepTheOrderOverAllFiles() throws {
        let fileSystem = CrashingFileSystem()
        let first = try Self.file(fileSystem, "a")
        let second = try Self.file(fileSystem, "b")
        for round in 0..<4 {
            try first.writeBytes([1], at: UInt64(round) * 512)
            try second.writeBytes([2], at: UInt64(round) * 512)
        }
        var seen: Set<Int> = []
        for seed in Self.seeds {
            let left = fileSystem.survivors(.prefix, seed: seed)
            let a = try Self.content(left, "a")
            let b = try Self.content(left, "b")
            let written = [(a, 0), (b, 0), (a, 1), (b, 1), (a, 2), (b, 2), (a, 3), (b, 3)].map {
                $0.0.count > $0.1 * 512 && $0.0[$0.1 * 512] != 0
            }
            let count = written.prefix { $0 }.count
            #expect(!written[count...].contains(true), "seed \(seed): \(written)")
            seen.insert(count)
        }
        #expect(seen.count > 4)
    }

    @Test func onlyTheLastWriteIsTorn() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 1, count: 4_096))
        try file.writeBytes([UInt8](repeating: 2, count: 4_096), at: 4_096)
        var isTorn = false
        for seed in Self.seeds {
            let left = try Self.content(fileSystem.survivors(.tornLastWrite, seed: seed))
            #expect(left.count == 8_192)
            #expect(left[..<4_096].allSatisfy { $0 == 1 })
            #expect(left[4_096...].allSatisfy { $0 == 2 || $0 == 0 })
            isTorn = isTorn || Set(left[4_096...]).count == 2
        }
        #expect(isTorn)
    }

    /// Garbage shows only where the file never reached before.
    @Test func garbageFillsWhatWasNeverSynced() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 1, count: 4_096))
        try file.sync()
        try file.writeBytes([UInt8](repeating: 2, count: 8_192))
        var isGarbage = false
        for seed in Self.seeds {
            let left = try Self.content(fileSystem.survivors(.garbage, seed: seed))
            #expect(left[..<4_096].allSatisfy { $0 == 1 || $0 == 2 }, "seed \(seed)")
            isGarbage = isGarbage || left[4_096...].contains { $0 > 2 }
        }
        #expect(isGarbage)
    }

    @Test func sizesSurviveInTheirOrder() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 1, count: 3_000))
        try file.sync()
        try file.truncate(to: 1_000)
        try file.preallocate(1_000, at: 4_000)
        var sizes: Set<Int> = []
        for seed in Self.seeds {
            let left = try Self.content(fileSystem.survivors(seed: seed))
            sizes.insert(left.count)
            if left.count == 5_000 { #expect(left[1_000..<4_000].allSatisfy { $0 == 0 }) }
            #expect(left[..<1_000].allSatisfy { $0 == 1 })
        }
        #expect(sizes == [3_000, 1_000, 5_000])
    }

    @Test func reservedSpaceIsZerosOrGarbage() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        try file.writeBytes([UInt8](repeating: 1, count: 512))
        try file.sync()
        try file.preallocate(4_096, at: 512)
        #expect(try file.readAll()[512...].allSatisfy { $0 == 0 })
        var isGarbage = false
        for seed in Self.seeds {
            for survival in [Survival.all, .random, .prefix] {
                let left = try Self.content(fileSystem.survivors(survival, seed: seed))
                #expect(left[512...].allSatisfy { $0 == 0 })
            }
            let left = try Self.content(fileSystem.survivors(.garbage, seed: seed))
            isGarbage = isGarbage || left[512...].contains { $0 != 0 }
            #expect(left[..<512].allSatisfy { $0 == 1 })
        }
        #expect(isGarbage)
        // Once it was synced, it is what a reader saw.
        try file.sync()
        let left = try Self.content(fileSystem.survivors(.garbage))
        #expect(left[512...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: seeds) func namesSurviveInTheirOrder(_ seed: UInt64) throws {
        let fileSystem = CrashingFileSystem()
        try Self.file(fileSystem, "d/a").writeBytes([1])
        try Self.file(fileSystem, "d/b").writeBytes([2])
        try fileSystem.rename("d/a", to: "d/b", replacing: true)
        _ = try fileSystem.open("d/c", .create)
        try fileSystem.remove("d/b")
        let states = [["d/a", "d/b"], ["d/b"], ["d/b", "d/c"], ["d/c"]]
        #expect(states.contains(fileSystem.survivors(seed: seed).paths))
        try fileSystem.syncDirectory(of: "other/a")
        #expect(fileSystem.survivors(.none).paths == ["d/a", "d/b"])
        try fileSystem.syncDirectory(of: "d/b")
        #expect(fileSystem.survivors(seed: seed).paths == ["d/c"])
    }

    @Test func aSyncedFileWithoutASyncedNameMayBeGone() throws {
        let fileSystem = CrashingFileSystem()
        let file = try fileSystem.open("a", .createNew)
        try file.writeBytes([1])
        try file.sync()
        #expect(fileSystem.survivors(.none).paths.isEmpty)
        #expect(try Self.content(fileSystem.survivors(.all)) == [1])
    }

    @Test func theSameSeedLeavesTheSame() throws {
        func run() throws -> [[UInt8]] {
            let fileSystem = CrashingFileSystem()
            for name in ["a", "b", "c"] {
                try Self.file(fileSystem, name).writeBytes([UInt8](repeating: 1, count: 9_000))
            }
            return try Self.seeds.flatMap { seed in
                let left = fileSystem.survivors(seed: seed)
                return try left.paths.map { try Self.content(left, $0) }
            }
        }
        #expect(try run() == run())
    }

    @Test func aFailedSyncLosesTheChangesForGood() throws {
        var lost = 0
        for skipped in 0..<10 {
            let fileSystem = CrashingFileSystem()
            let file = try Self.file(fileSystem)
            for _ in 0..<skipped { _ = try file.readBytes(1) }
            try file.writeBytes([UInt8](repeating: 1, count: 4_096))
            try file.sync()
            try file.writeBytes([UInt8](repeating: 2, count: 4_096))
            fileSystem.fail(operation: 2, of: .sync)
            #expect(errorCode { try file.sync() } == .inputOutput)
            let seen = try file.readAll()
            try file.sync()
            #expect(try file.readAll() == seen)
            #expect(try Self.content(fileSystem.survivors(.none)) == seen)
            #expect(seen.count == 4_096)
            if seen.contains(1) { lost += 1 }
        }
        #expect(lost > 0)
    }

    @Test func afterTheCrashEverythingThrows() throws {
        let fileSystem = CrashingFileSystem()
        let file = try Self.file(fileSystem)
        fileSystem.crash(at: 3)
        #expect(errorCode { try file.writeBytes([1]) } == .inputOutput)
        #expect(fileSystem.hasCrashed)
        #expect(errorCode { _ = try file.readAll() } == .inputOutput)
        #expect(errorCode { _ = try fileSystem.exists("a") } == .inputOutput)
        #expect(errorCode { _ = try fileSystem.open("a", .readOnly) } == .inputOutput)
        #expect(errorCode { try file.lock(exclusive: true) } == .inputOutput)
        #expect(fileSystem.operationCount == 3)
        file.close()
        // The write was under way, so it may have got there.
        #expect(try Self.content(fileSystem.survivors(.all)) == [1])
        #expect(try Self.content(fileSystem.survivors(.none)) == [])
    }

    @Test func aCrashInOpenOrSyncIsLikeAnyOther() throws {
        let opening = CrashingFileSystem()
        opening.crash(at: 1)
        #expect(errorCode { _ = try opening.open("a", .create) } == .inputOutput)
        #expect(opening.survivors(.all).paths == ["a"])
        #expect(opening.survivors(.none).paths.isEmpty)
        let syncing = CrashingFileSystem()
        let file = try Self.file(syncing)
        try file.writeBytes([1])
        syncing.crash(at: 4)
        #expect(errorCode { try file.sync() } == .inputOutput)
        #expect(try Self.content(syncing.survivors(.none)) == [])
    }

    /// One run is enough to see every crash: a power cut before each operation.
    @Test func survivorsCanBeSeenBeforeEachOperation() throws {
        let fileSystem = CrashingFileSystem()
        let seen = Atomic<Int>(0)
        let file = try Self.file(fileSystem)
        let described = Lock()
        nonisolated(unsafe) var lines: [String] = []
        fileSystem.beforeOperation = { operation in
            let left = try? Self.content(fileSystem.survivors(.all))
            seen.store(left?.count ?? -1, ordering: .relaxed)
            described.withLock { unsafe lines.append(operation.description) }
        }
        try file.writeBytes([1, 2, 3])
        let beforeWrite = seen.load(ordering: .relaxed)
        try file.sync()
        let beforeSync = seen.load(ordering: .relaxed)
        #expect(beforeWrite == 0 && beforeSync == 3)
        try file.truncate(to: 7)
        #expect(
            unsafe lines == ["3: write a, 3 bytes at 0", "4: sync a", "5: truncate a to 7 bytes"])
    }

    /// The simulator finds what it is there to find: a commit that writes its data, and then a
    /// mark that it is there, holds with a sync between the two and fails without.
    @Test(arguments: [true, false]) func aMissingSyncIsFound(_ isSynced: Bool) throws {
        func commit(_ fileSystem: CrashingFileSystem) throws {
            let file = try Self.file(fileSystem)
            for round: UInt8 in 1...3 {
                let data = [UInt8](repeating: round, count: 2_048)
                try file.writeBytes(data, at: UInt64(round % 2) * 4_096 + 4_096)
                if isSynced { try file.sync() }
                try file.writeBytes([round])
                try file.sync()
            }
        }
        let whole = CrashingFileSystem()
        try commit(whole)
        var violations = 0
        for number in 1...whole.operationCount {
            let fileSystem = CrashingFileSystem()
            fileSystem.crash(at: number)
            _ = errorCode { try commit(fileSystem) }
            for seed in Self.seeds {
                let left = fileSystem.survivors(seed: seed)
                guard try left.exists("a") else { continue }
                let content = try Self.content(left)
                guard let round = content.first, round > 0 else { continue }
                let start = Int(round % 2) * 4_096 + 4_096
                if Array(content.dropFirst(start).prefix(2_048))
                    != [UInt8](repeating: round, count: 2_048)
                {
                    violations += 1
                }
            }
        }
        #expect((violations == 0) == isSynced, "\(violations) violations")
    }
}
