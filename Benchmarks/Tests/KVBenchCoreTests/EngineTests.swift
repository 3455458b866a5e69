import Foundation
@_spi(Engine) import KVDB
import Testing

@testable import KVBenchCore

/// Every engine does what the workloads take for granted.
@Suite struct EngineTests {
    /// Runs `body` with the path of an empty folder, which is gone afterwards.
    private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "kvbench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }

    private static let engines = EngineCatalog.names.filter { $0 != EngineCatalog.raw }

    @Test(arguments: engines)
    func whatWasPutInBatchesAndAloneIsFoundCountedOrderedAndDeleted(name: String) throws {
        try inFolder { folder in
            if name == EngineCatalog.database {
                try exercise(KVDBEngine.open(EngineOptions(directory: folder)))
            } else {
                try exercise(PeerEngine.open(name, EngineOptions(directory: folder)))
            }
        }
    }

    private func exercise<Engine: BenchmarkEngine>(_ database: Engine) throws {
        let session = try database.makeSession()
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: 100)
        try session.putBatch(500) { (keys.key(UInt64($0)), values.value(UInt64($0))) }
        for number in UInt64(500)..<520 { try session.put(keys.key(number), values.value(number)) }
        #expect(try session.getNewest(keys.key(519)))
        try session.deleteBatch(20) { keys.key(UInt64($0)) }
        try database.settle()

        try session.beginRead()
        #expect(try !session.get(keys.key(0)))
        #expect(try session.get(keys.key(20)))
        #expect(try !session.get(keys.key(520)))
        let many = KeyMaker(.hashed, places: 64)
        let views = (0..<64).map { many.key(UInt64($0), place: $0) }
        #expect(try session.getMany(views) == 44)
        #expect(try session.scan(from: nil, reverse: false, limit: .max >> 1) == 500)
        #expect(try session.scan(from: nil, reverse: true, limit: 30) == 30)
        let order = Keys.numbersInKeyOrder(520).filter { $0 >= 20 }
        #expect(
            try session.scan(from: keys.key(order[490]), reverse: false, limit: 100) == 10)
        session.endRead()
        session.finish()
        try database.close()
    }

    @Test(arguments: engines)
    func aVersionThatIsBeingReadStaysAsItIs(name: String) throws {
        try inFolder { folder in
            if name == EngineCatalog.database {
                try readBesideWrites(KVDBEngine.open(EngineOptions(directory: folder)))
            } else {
                try readBesideWrites(PeerEngine.open(name, EngineOptions(directory: folder)))
            }
        }
    }

    private func readBesideWrites<Engine: BenchmarkEngine>(_ database: Engine) throws {
        let reader = try database.makeSession()
        let writer = try database.makeSession()
        let keys = KeyMaker(.hashed)
        let values = ValueMaker(byteCount: 100)
        try writer.put(keys.key(1), values.value(1))
        try reader.beginRead()
        #expect(try reader.get(keys.key(1)))
        try writer.put(keys.key(2), values.value(2))
        #expect(try !reader.get(keys.key(2)))
        reader.endRead()
        #expect(try reader.getNewest(keys.key(2)))
        reader.finish()
        writer.finish()
        try database.close()
    }

    @Test(arguments: EngineCatalog.names)
    func aSortedLoadIsAllThereAfterAReopen(name: String) throws {
        try inFolder { folder in
            try EngineCatalog.prepare(
                Dataset(.keyOrder, count: 3000), engine: name, directory: folder)
            let workload = try #require(WorkloadCatalog.all.first { $0.name == "get-random" })
            var small = workload.scaled(by: 0.003)
            small.dataset = Dataset(.keyOrder, count: 3000)
            // It checks that every get finds its entry.
            let result = try EngineCatalog.run(
                small, engine: name, round: 0, directory: folder)
            #expect(result.operations == small.operations)
            #expect(result.fileBytes > 0)
            #if os(Linux)
                let peak = try #require(result.peakResidentBytes)
                #expect(peak > 1e6 && peak < 1e11)
            #endif
        }
    }

    @Test(arguments: [1, 4, 16])
    func theRawEnginesGroupCommitLosesNobody(threads: Int) throws {
        try inFolder { folder in
            let name = "durable-put-\(threads)"
            let workload = try #require(WorkloadCatalog.all.first { $0.name == name })
            let small = workload.scaled(by: 0.02)
            let result = try EngineCatalog.run(
                small, engine: EngineCatalog.raw, round: 0, directory: folder)
            #expect(result.operations == small.operations / threads * threads)
        }
    }
}
