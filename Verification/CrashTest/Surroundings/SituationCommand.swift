import ArgumentParser
import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// `crashtest situation NAME PATH SEED`: the process of the family `surroundings`. It says `sound`, or
/// what it found.
struct SituationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "situation", abstract: "A process in a situation that a test made.",
        shouldDisplay: false)

    @Argument var name: String
    @Argument var path: String
    @Argument var seed: UInt64
    @Option var user: UInt32 = 0

    func run() throws {
        // The standard output may be closed on the way.
        let output = fcntl(1, F_DUPFD, 100)
        func say(_ text: String) {
            let line = Array("\(text)\n".utf8)
            _ = unsafe line.withUnsafeBytes { unsafe Glibc.write(output, $0.baseAddress, $0.count) }
        }
        do {
            if user != 0 {
                try Situation.call(setgroups(0, nil), "setgroups")
                try Situation.call(setgid(user), "setgid")
                try Situation.call(setuid(user), "setuid")
            }
            switch Situation(rawValue: name) {
            case .closedDescriptors: try closeDescriptors()
            case .strangeGroup: try lookAtLogsRights()
            case .foreignLog, .foreignDraft: try meetAForeignFile()
            case .fileSizeLimit: try reachTheFileSizeLimit()
            case .descriptorLimit: try runOutOfDescriptors()
            case .changedDirectory: try changeDirectory()
            case nil: throw Failure("no situation \(name)")
            }
            say("sound")
        } catch {
            say("\(error)")
        }
        _exit(0)
    }

    private var options: DatabaseOptions {
        var options = DatabaseOptions()
        options.sizeLimit = 64 << 20
        options.logSegmentSize = 16 << 10
        options.logBudget = 64 << 10
        options.checkpointPolicy = seed % 3 == 0 ? .automatic : .inline
        return options
    }

    /// Opens it again as if nothing had been: all entries are there, and it is sound.
    private func check(_ path: String, _ entries: [String: [UInt8]]) throws {
        let database = try FileDatabase.open(path, options: options)
        for (key, value) in entries where try database.get(key) != value {
            throw Failure("\(key) is not what it was")
        }
        if let finding = try database.verify().findings.first {
            throw Failure("verify: \(finding.error)")
        }
        try database.close()
    }

    private func value(_ number: Int, _ byteCount: Int = 300) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: byteCount)
    }

    // MARK: Situations

    /// What is printed into closed descriptors goes nowhere, and least of all into the database.
    private func closeDescriptors() throws {
        let closed = (0..<3).filter { (1 + seed % 7) >> UInt64($0) & 1 != 0 }
        for descriptor in closed { _ = Glibc.close(Int32(descriptor)) }
        var entries: [String: [UInt8]] = [:]
        let database = try FileDatabase.open(path, options: options)
        for number in 0..<40 {
            try database.put("key \(number)", value(number))
            entries["key \(number)"] = value(number)
            let text = Array("a message of some library\n".utf8)
            for descriptor in closed {
                _ = unsafe text.withUnsafeBytes {
                    unsafe Glibc.write(Int32(descriptor), $0.baseAddress, $0.count)
                }
            }
            if number == 20 { try database.checkpoint() }
        }
        for descriptor in closed { try refuseOurs(Int32(descriptor)) }
        try database.close()
        try check(path, entries)
    }

    private func refuseOurs(_ descriptor: Int32) throws {
        var open = stat()
        guard unsafe fstat(descriptor, &open) == 0 else { return }
        for name in [path, path + "-wal", path + "-new"] {
            var ours = stat()
            if unsafe stat(name, &ours) == 0, ours.st_ino == open.st_ino, ours.st_dev == open.st_dev
            {
                throw Failure("\(name) is open as descriptor \(descriptor)")
            }
        }
    }

    /// A log that can't belong to the data file's group gives no group any rights.
    private func lookAtLogsRights() throws {
        var own = stat()
        let database = try FileDatabase.open(path, options: options)
        try database.put("key", value(1))
        try Situation.call(unsafe stat(path + "-wal", &own), "no log")
        let rights = own.st_mode & 0o777
        guard own.st_gid == Situation.stranger || rights & 0o070 == 0, rights & 0o007 == 0 else {
            throw Failure(
                "the log's group is \(own.st_gid), its rights \(String(rights, radix: 8))")
        }
        try database.close()
        try check(path, ["key": value(1), "before": Array("here".utf8)])
    }

    /// A file of another user in the log's or the draft's place is refused, or left alone.
    private func meetAForeignFile() throws {
        do throws(StorageError) {
            let database = try FileDatabase.open(path, options: options)
            try database.put("secret", value(7))
        } catch {
            let excuses: Set<StorageError.Code> = [.damaged, .poisoned, .notADatabase]
            if excuses.contains(error.code) { throw Failure("a foreign file is \(error)") }
        }
    }

    /// The system lets no file grow beyond a limit: that is a full disk.
    private func reachTheFileSizeLimit() throws {
        // Its default action ends the process, as the guide says.
        _ = signal(SIGXFSZ, SIG_IGN)
        try set(RLIMIT_FSIZE, 40_000 + seed * 7919 % 400_000)
        var entries: [String: [UInt8]] = [:]
        do throws(StorageError) {
            let database = try FileDatabase.open(path, options: options)
            let isFull = try fill(database, &entries)
            guard isFull else { throw StorageError(.inputOutput, "The limit was never reached.") }
            try goOn(database, &entries)
        } catch {
            guard error.code == .diskFull || error.code == .fileTooLarge, entries.isEmpty else {
                throw error
            }
        }
        try set(RLIMIT_FSIZE, .max)
        try check(path, entries)
    }

    /// Puts entries until one does not fit. Returns false if all do.
    private func fill(
        _ database: FileDatabase, _ entries: inout [String: [UInt8]]
    ) throws(StorageError) -> Bool {
        for number in 0..<5000 {
            let key = "key \(number)"
            let new = value(number, 200 + number % 7 * 300)
            do throws(StorageError) {
                try database.put(key, new)
                entries[key] = new
            } catch {
                guard error.code == .diskFull || error.code == .fileTooLarge else { throw error }
                return true
            }
        }
        return false
    }

    /// At the limit reads, deletes and checkpoints go on; above it everything does, in the same handle.
    private func goOn(
        _ database: FileDatabase, _ entries: inout [String: [UInt8]]
    ) throws(StorageError) {
        for key in entries.keys.sorted().prefix(10) {
            guard try database.get(key) == entries[key] else {
                throw StorageError(.inputOutput, "\(key) reads wrong at the limit.")
            }
            do throws(StorageError) {
                try database.delete(key)
            } catch {
                // The first one may find what a checkpoint frees.
                try database.delete(key)
            }
            entries[key] = nil
        }
        try database.checkpoint()
        if let poison = database.poison { throw poison }
        try set(RLIMIT_FSIZE, .max)
        for number in 0..<50 {
            try database.put("more \(number)", value(number, 2000))
            entries["more \(number)"] = value(number, 2000)
        }
        try database.close()
    }

    /// Few descriptors are left, at opening or from then on: an error each time, and nothing is lost.
    private func runOutOfDescriptors() throws {
        var entries: [String: [UInt8]] = [:]
        let free = unsafe Glibc.open("/dev/null", O_RDONLY)
        _ = Glibc.close(free)
        let few = UInt64(free) + seed % 6
        let isEarly = seed / 6 % 2 == 0
        if isEarly { try set(RLIMIT_NOFILE, few) }
        do throws(StorageError) {
            let database = try FileDatabase.open(path, options: options)
            if !isEarly { try set(RLIMIT_NOFILE, few) }
            for number in 0..<30 {
                do throws(StorageError) {
                    try database.put("key \(number)", value(number))
                    entries["key \(number)"] = value(number)
                } catch {
                    try refuseDamage(error)
                }
            }
            do throws(StorageError) {
                let report = try database.verify()
                if let finding = report.findings.first { throw finding.error }
            } catch {
                try refuseDamage(error)
            }
            try set(RLIMIT_NOFILE, 1024)
            if database.poison == nil { try database.close() }
        } catch {
            try refuseDamage(error)
        }
        try set(RLIMIT_NOFILE, 1024)
        try check(path, entries)
    }

    private func refuseDamage(_ error: StorageError) throws(StorageError) {
        let wrong: Set<StorageError.Code> = [.damaged, .notADatabase, .ambiguousName, .diskFull]
        if wrong.contains(error.code) { throw error }
    }

    /// The path is relative, and the directory changes under it.
    private func changeDirectory() throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let other = folder.deletingLastPathComponent().appendingPathComponent("b").path
        try Situation.call(unsafe chdir(folder.path), "chdir")
        let names = ["my.db", "./my.db", "../a/my.db"]
        if seed % 4 == 3 {
            // Another database with a log of its own where the name leads afterwards.
            let decoy = try FileDatabase.open(other + "/my.db", options: options)
            try decoy.put("decoy", "x")
            try FileManager.default.copyItem(
                atPath: other + "/my.db-wal", toPath: other + "/kept")
            try decoy.close()
            try FileManager.default.moveItem(atPath: other + "/kept", toPath: other + "/my.db-wal")
        }
        let before = try FileManager.default.contentsOfDirectory(atPath: other).sorted()
        var entries: [String: [UInt8]] = [:]
        let database = try FileDatabase.open(names[Int(seed / 4 % 3)], options: options)
        for number in 0..<12 {
            if UInt64(number) == seed / 2 % 3 * 4 {
                try Situation.call(unsafe chdir(number % 8 == 0 ? "/" : other), "chdir")
            }
            try database.put("key \(number)", value(number))
            entries["key \(number)"] = value(number)
            if number == 3 { try database.checkpoint() }
        }
        let report = try database.verify()
        if let finding = report.findings.first { throw Failure("verify: \(finding.error)") }
        try database.compact()
        try database.close()
        guard try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["my.db"] else {
            throw Failure("a close leaves more than the data file")
        }
        guard try FileManager.default.contentsOfDirectory(atPath: other).sorted() == before else {
            throw Failure("something changed in the other directory")
        }
        try check(path, entries)
    }

    // MARK: Limits

    /// Sets a limit of this process, at most to what it may be.
    private func set(_ resource: __rlimit_resource, _ value: UInt64) throws(StorageError) {
        let resource = __rlimit_resource_t(resource.rawValue)
        var current = rlimit()
        guard unsafe getrlimit(resource, &current) == 0 else {
            throw StorageError(.inputOutput, "The limit can't be read.")
        }
        current.rlim_cur = min(rlim_t(value), current.rlim_max)
        guard unsafe setrlimit(resource, &current) == 0 else {
            throw StorageError(.inputOutput, "The limit can't be set.")
        }
    }
}
