import ArgumentParser
import Foundation
@_spi(Engine) import KVDB
import KVTools
import StorageIO
import StorageIOTesting

/// `crashtest child ROLE PATH SEED NUMBER`: one of the processes of the family `process`, made to be
/// killed. What it has to say goes to standard output, a line with one write each, so that the lines
/// of several processes on one pipe stay whole and in order.
struct ChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "child", abstract: "A process that a test kills.", shouldDisplay: false)

    /// What it does until it is killed.
    enum Role: String, ExpressibleByArgument {
        /// Commits, and now and then checkpoints, compacts, exports, imports or closes.
        case write
        /// Opens to read, checks, and closes.
        case read
        /// Opens once and says how that went.
        case attempt
        /// Forks with the database open.
        case fork
        /// Runs `kvtools` on an input of its own, over and over.
        case tool
        /// Makes some commits and marks which are promised, while its calls are recorded.
        case record
    }

    @Argument var role: Role
    @Argument var path: String
    @Argument var seed: UInt64
    @Argument var number: Int

    private var history: NumberedCommits { NumberedCommits(seed: seed) }

    func run() throws {
        do {
            switch role {
            case .write: while try session() {}
            case .read: while true { try look() }
            case .attempt: tell(try attempt())
            case .fork: try forkCase()
            case .tool: try useTool()
            case .record: try record()
            }
        } catch {
            tell("failed \(error)")
        }
    }

    func tell(_ text: String) {
        let line = Array("\(number) \(text.replacingOccurrences(of: "\n", with: " "))\n".utf8)
        _ = unsafe line.withUnsafeBytes {
            unsafe Foundation.write(1, $0.baseAddress, min($0.count, 4000))
        }
    }

    /// Nobody is left to kill this process, when the test itself was.
    private func endWithParent() { if getppid() == 1 { _exit(0) } }

    /// Opens, again and again while somebody else holds the database.
    private func open(readOnly: Bool) throws -> FileDatabase {
        var options = history.options
        if readOnly { options.access = .readOnly }
        while true {
            do throws(StorageError) {
                return try FileDatabase.open(path, options: options)
            } catch {
                // While it is being created there may be nothing yet for a reader.
                let isEarly = readOnly && error.code == .fileNotFound
                guard error.code == .locked || isEarly else { throw error }
                endWithParent()
                // Not a wait for anything, only less of the machine's time than a loop takes.
                usleep(500)
            }
        }
    }

    /// One open database's life as a writer; false never, it only ends by being killed.
    private func session() throws -> Bool {
        let database = try open(readOnly: false)
        var count = try history.check(database, verifying: false)
        tell("open \(count)")
        var random = SeededRandom(seed: seed &+ count &+ UInt64(number) << 40)
        while true {
            endWithParent()
            count += 1
            if random.oneIn(40) {
                try importCommit(count, into: database)
            } else {
                try history.commit(count, in: database)
            }
            tell("commit \(count)")
            switch random.below(60) {
            case 0: try database.checkpoint()
            case 1: _ = try database.compact()
            case 2: try export(database)
            case 3:
                tell("closing \(count)")
                try database.close()
                return true
            default: break
            }
        }
    }

    /// Makes the commit by an import that replaces everything, as the history says it should be.
    func importCommit(_ count: UInt64, into database: FileDatabase) throws {
        let model = history.model(after: count)
        var events: [ExportEvent] = []
        for index in 0..<model.main.count {
            guard let entry = model.main.nth(index) else { continue }
            events.append(.entry(key: entry.key, value: entry.value))
        }
        for name in model.tables.keys.sorted() {
            events.append(.table(Array(name.utf8)))
            guard let table = model.tables[name] else { continue }
            for index in 0..<table.count {
                guard let entry = table.nth(index) else { continue }
                events.append(.entry(key: entry.key, value: entry.value))
            }
        }
        let entries = events.count { if case .entry = $0 { true } else { false } }
        events.append(.end(entryCount: UInt64(entries)))
        var next = 0
        _ = try database.importEntries(replacing: true) { () throws(StorageError) in
            defer { next += 1 }
            return events[min(next, events.count - 1)]
        }
    }

    private func export(_ database: FileDatabase) throws {
        let file = try POSIXFileSystem().open(path + ".export-\(number)", .create)
        defer { file.close() }
        var offset: UInt64 = 0
        try database.export { bytes throws(StorageError) in
            try unsafe bytes.withUnsafeBytes { buffer throws(StorageError) in
                try unsafe file.write(buffer, at: offset)
            }
            offset += UInt64(bytes.byteCount)
        }
    }

    private func look() throws {
        let database = try open(readOnly: true)
        tell("read \(try history.check(database, verifying: false))")
        try database.close()
    }

    /// Opens to write: the count of commits, or the error's name.
    private func attempt() throws -> String {
        do throws(StorageError) {
            let database = try FileDatabase.open(path, options: history.options)
            do {
                return "opened \(try NumberedCommits.count(database))"
            } catch {
                return "failed \(error)"
            }
        } catch {
            return "refused \(error.codeName) \(error)"
        }
    }
}

extension ChildCommand {
    /// A child made by `fork` may not use its parent's handle, and does the parent no harm.
    private func forkCase() throws {
        let database = try open(readOnly: false)
        var count = try history.check(database, verifying: false)
        count += 1
        try history.commit(count, in: database)
        // Swift hides the function, since most of what a program has does not survive it.
        // The handle means "in any library"; it is a macro in C.
        #if canImport(Darwin)
            let anywhere = unsafe UnsafeMutableRawPointer(bitPattern: -2)
        #else
            let anywhere: UnsafeMutableRawPointer? = nil
        #endif
        guard let symbol = unsafe dlsym(anywhere, "fork") else { throw Failure("no fork") }
        let fork = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)
        let child = fork()
        if child == 0 {
            var codes: [String] = []
            do throws(StorageError) { _ = try database.get(NumberedCommits.countKey) } catch {
                codes.append(error.codeName)
            }
            do throws(StorageError) { try database.put([1], [1]) } catch {
                codes.append(error.codeName)
            }
            do throws(StorageError) { try database.close() } catch { codes.append("close") }
            tell("forked \(codes.joined(separator: " "))")
            _exit(0)
        }
        var status: Int32 = 0
        _ = unsafe waitpid(child, &status, 0)
        count += 1
        try history.commit(count, in: database)
        tell("parent \(count)")
        // Holds the database until it is killed.
        while true {
            endWithParent()
            usleep(10_000)
        }
    }

    /// Imports into a new path, exports, and begins again.
    private func useTool() throws {
        let lines = (0..<3000).map { "key \($0)\tvalue \($0)\n" }.joined()
        let input = path + ".tsv"
        try Data(lines.utf8).write(to: URL(fileURLWithPath: input))
        tell("tool")
        while true {
            endWithParent()
            for arguments in [
                ["import", path, input, "--input-format", "tsv", "--json"],
                ["export", path, "--output", path + ".tkdb"],
                ["put", path, "one more", "x"], ["compact", path],
            ] {
                let error = MemoryOutput()
                let status = CommandLineTool.run(
                    arguments: arguments, input: MemoryInput(), output: MemoryOutput(),
                    error: error)
                guard status == .success else {
                    return tell("failed kvtools \(arguments[0]): \(status) \(error.text)")
                }
            }
            for name in [path, path + ".tkdb"] { try FileManager.default.removeItem(atPath: name) }
            tell("round")
        }
    }
}
