@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting

/// Damages files of 10,000 entries and salvages them. What must hold:
///
/// - every entry that lies in an undamaged leaf, and undamaged overflow pages, comes back, found out
///   by a reader that shares no code with the engine;
/// - with the log undamaged, every key that the log wrote is as the newest commit left it;
/// - nothing comes back that was never committed;
/// - nothing comes back in an older state, but where the report calls it uncertain;
/// - without the uncertain, nothing comes back in an older state at all;
/// - verification finds damage in every page that is in use, and names each damaged node and value
///   with its table and keys, unless the damage of another one hides it (see `SalvageOracle`);
/// - the damaged files stay as they are, and nothing appears beside them.
///
/// Not covered: damage while the salvage runs, files of other programs (family `hostile`).
package struct SalvageFamily: Family {
    package static let name = "salvage"
    package static let unit = "files"
    package static let gate = Goal.units(1000)
    package static let subset = Goal.units(100)

    /// Damaged files made of each database.
    private static let rounds = 5

    package init() {}

    package func run(_ number: UInt64, _ account: inout Account) throws {
        var random = SeededRandom(seed: number &+ 0x5A17A6E)
        let workload = try SalvageWorkload(&random)
        let plain = PlainReader(workload.data)
        var read: [TableKey: [UInt8]] = [:]
        for entry in plain.entries {
            read[TableKey(table: entry.table, key: entry.key)] = entry.value
        }
        guard read == workload.checkpointed else {
            throw Failure("The plain reader found \(read.count) entries, not the checkpoint's.")
        }
        for round in 0..<Self.rounds {
            var random = SeededRandom(seed: number &* 31 &+ UInt64(round) &+ 77)
            let damage = FileDamage(workload.data, workload.log, plain, &random)
            guard account.enter(round) else { continue }
            do {
                try check(damage, workload, plain, &account)
                if round == 0 { try checkOnDisk(damage, &account) }
            } catch {
                throw Failure("\(damage.aims): \(error)")
            }
            account.units += 1
        }
    }

    private func check(
        _ damage: FileDamage, _ workload: SalvageWorkload, _ plain: PlainReader,
        _ account: inout Account
    ) throws {
        let files = InMemoryFileSystem()
        let path = SalvageWorkload.path
        try write(damage.data, path, files)
        if let log = damage.log { try write(log, path + "-wal", files) }
        let report = try salvage(files, to: "out.db", includesUncertain: true)
        let out = try content(of: "out.db", files)
        let oracle = SalvageOracle(damage, workload, plain, report)
        try oracle.checkReturn(of: out, &account)
        try oracle.checkState(of: out, &account)
        let sure = try salvage(files, to: "sure.db", includesUncertain: false)
        try SalvageOracle(damage, workload, plain, sure)
            .checkSure(try content(of: "sure.db", files))
        try oracle.checkFindings(
            try MemoryFileDatabase.verifyFile(path, files: files), out, &account)
        guard try bytes(path, files) == damage.data else { throw Failure("The input changed.") }
        if let log = damage.log, try bytes(path + "-wal", files) != log {
            throw Failure("The input's log changed.")
        }
        guard try !files.exists(path + "-new") else { throw Failure("A file appeared.") }
        account.note("basis \(report.basis)")
    }

    private func salvage(
        _ files: InMemoryFileSystem, to target: String, includesUncertain: Bool
    ) throws -> SalvageReport {
        var options = SalvageOptions()
        options.includesUncertain = includesUncertain
        options.lossLimit = .max
        options.sizeLimit = 1 << 30
        return try MemoryFileDatabase.salvage(
            from: SalvageWorkload.path, to: target, files: files, options: options)
    }

    private func content(
        of path: String, _ files: InMemoryFileSystem
    ) throws -> [TableKey: [UInt8]] {
        var options = DatabaseOptions()
        options.access = .readOnly
        options.sizeLimit = 1 << 30
        let database = try MemoryFileDatabase.open(path, files: files, options: options)
        defer { try? database.close() }
        var content: [TableKey: [UInt8]] = [:]
        let snapshot = try database.snapshot()
        try snapshot.forEach { key, value throws(StorageError) in
            content[TableKey(table: [], key: key.array)] = value.array
            return true
        }
        for name in try snapshot.tableNames() {
            try snapshot.forEach(table: name) { key, value throws(StorageError) in
                content[TableKey(table: Array(name.utf8), key: key.array)] = value.array
                return true
            }
        }
        return content
    }

    private func write(_ bytes: [UInt8], _ path: String, _ files: InMemoryFileSystem) throws {
        let file = try files.open(path, .createNew)
        defer { file.close() }
        try file.writeBytes(bytes)
    }

    private func bytes(_ path: String, _ files: InMemoryFileSystem) throws -> [UInt8] {
        let file = try files.open(path, .readOnly)
        defer { file.close() }
        return try file.readAll()
    }

    /// The same on the system's files, which have times and directories.
    private func checkOnDisk(_ damage: FileDamage, _ account: inout Account) throws {
        let directory = try TemporaryDirectory()
        let folder = try TemporaryDirectory()
        let path = directory.file(SalvageWorkload.path)
        try Data(damage.data).write(to: URL(fileURLWithPath: path))
        if let log = damage.log { try Data(log).write(to: URL(fileURLWithPath: path + "-wal")) }
        let before = try listing(directory.path)
        var options = SalvageOptions()
        options.sizeLimit = 1 << 30
        _ = try FileDatabase.salvage(from: path, to: folder.file("out.db"), options: options)
        guard try listing(directory.path) == before else {
            throw Failure("The directory of the damaged file changed.")
        }
        account.note("on disk")
    }

    /// Names, sizes, times of change and contents of a directory's files.
    private func listing(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted().map { name in
            let path = directory + "/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let content = try Data(contentsOf: URL(fileURLWithPath: path))
            return "\(name) \(content.count) \(attributes[.modificationDate] ?? "") "
                + "\(withByteView(of: Array(content)) { CRC32C.checksum($0) })"
        }
    }
}
