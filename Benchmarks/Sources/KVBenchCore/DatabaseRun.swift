import Foundation
@_spi(Engine) import KVDB
import KVTools

/// A run of what only this database is asked for: keeping house, and the predecessor's workloads.
struct DatabaseRun {
    let workload: Workload
    let directory: String
    var result: RunResult

    init(_ workload: Workload, round: Int, directory: String) {
        self.workload = workload
        self.directory = directory
        result = RunResult(
            engine: EngineCatalog.database, workload: workload.name, round: round)
        result.entries = workload.dataset?.count ?? 0
    }

    /// The database's file.
    var path: String { KVDBEngine.path(in: directory) }

    /// Does it all.
    mutating func run() throws -> RunResult {
        switch workload.task {
        case .maintenance(let task): try maintain(task)
        case .predecessor(let task): try predecessor(task)
        default: throw BenchmarkError("\(workload.name) is for every engine.")
        }
        result.peakResidentBytes = ProcessFigures.peakResidentBytes.map { Double($0) }
        result.fileBytes = Double(ProcessFigures.allocatedBytes(below: directory))
        return result
    }

    private mutating func maintain(_ task: MaintenanceTask) throws {
        let plain = directory + "/plain.tkdb"
        switch task {
        case .compact:
            let database = try open()
            try thinOut(database)
            try timed(bytes: fileBytes(path), "file MB/s") { _ = try database.compact() }
            try database.close()
            result.entries -= result.entries / 2
        case .verify:
            let database = try open()
            // Once before, so that the file is in the system's cache.
            _ = try database.verify()
            try timed(bytes: fileBytes(path), "file MB/s") {
                let report = try database.verify()
                guard report.isSound else { throw BenchmarkError("Verification finds damage.") }
            }
            try database.close()
        case .export:
            let path = path
            try warmUp()
            try timed(bytes: fileBytes(path), "file MB/s") {
                try Self.kvtools(["export", path, "--output", plain])
            }
            result.figures["plain MB/s"] = fileBytes(plain) / result.seconds / 1e6
        case .exportLZ4:
            let path = path
            let packed = plain + ".lz4"
            try warmUp()
            try Self.kvtools(["export", path, "--output", plain])
            try timed(bytes: fileBytes(plain), "plain MB/s") {
                try Self.kvtools(["export", path, "--output", packed])
            }
            result.figures["packed share"] = fileBytes(packed) / fileBytes(plain)
        case .importing:
            let copy = directory + "/copy.kvdb"
            try Self.kvtools(["export", path, "--output", plain])
            try timed(bytes: fileBytes(plain), "plain MB/s") {
                try Self.kvtools(["import", copy, plain])
            }
        }
        try? FileManager.default.removeItem(atPath: plain)
        result.operations = workload.dataset?.count ?? 0
    }

    func open() throws -> FileDatabase {
        try FileDatabase.open(
            path, options: KVDBEngine.options(EngineOptions(directory: directory)))
    }

    private func warmUp() throws {
        let database = try open()
        try database.forEach { _, _ in true }
        try database.close()
    }

    /// Deletes every second entry, so that there is something to compact.
    private func thinOut(_ database: FileDatabase) throws {
        let keys = KeyMaker(.hashed)
        let count = UInt64(workload.dataset?.count ?? 0)
        for start in stride(from: UInt64(0), to: count, by: 10_000) {
            try database.write { transaction in
                for number in stride(from: start, to: min(count, start + 10_000), by: 2) {
                    try transaction.delete(keys.key(number))
                }
            }
        }
        try database.checkpoint()
    }

    private func fileBytes(_ path: String) -> Double {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.doubleValue ?? 0
    }

    private mutating func timed(
        bytes: Double, _ figure: String, _ body: () throws -> Void
    ) throws {
        let began = now()
        try body()
        result.seconds = Double(now() - began) / 1e9
        result.figures[figure] = bytes / result.seconds / 1e6
    }

    /// Runs the command as a user does, but in this process.
    private static func kvtools(_ arguments: [String]) throws {
        let error = MemoryOutput()
        let status = CommandLineTool.run(
            arguments: arguments, input: MemoryInput(), output: MemoryOutput(), error: error)
        guard status == .success else { throw BenchmarkError(error.text) }
    }
}
