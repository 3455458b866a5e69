import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// R4 and the locks with real processes: up to eight on one file, `kill -9` at any moment.
///
/// Fault model: the system goes on, processes don't. So everything that was written stays, and
/// nothing that was only in a process's memory. The moment of a kill is drawn from the case's seed
/// (after a number of commits and some turns of a loop), but where in the code it comes is the
/// scheduler's choice: what a case does is repeated by its number, not the moment to the instruction.
///
/// What holds after each kill: the next process gets the lock at once; it finds the history's first
/// *n* commits, exactly, with every one that was acknowledged (of those under way at most one more);
/// at the case's end `verify` finds nothing.
struct ProcessFamily: Family {
    static let name = "process"
    static let unit = "kills"
    static let gate = Goal.units(1000)
    static let subset = Goal.units(150)

    func run(_ number: UInt64, _ account: inout Account) throws {
        let folder = try TemporaryDirectory()
        var game = ProcessCase(
            history: NumberedCommits(seed: number), path: folder.file("my.db"),
            random: SeededRandom(seed: number))
        switch number % 8 {
        case 6: try game.forkAndForeignClose(&account)
        case 7: try game.tools(&account)
        default:
            try game.relay(&account)
            try game.names(in: folder, &account)
        }
    }
}

/// One case under way.
struct ProcessCase {
    let history: NumberedCommits
    let path: String
    var random: SeededRandom
    let processes = ChildProcesses()
    /// The last commit that a process acknowledged.
    var acknowledged: UInt64 = 0

    /// Longer than anything takes; a line that is missing by then is a finding.
    static let patience: Int32 = 120_000

    init(history: NumberedCommits, path: String, random: SeededRandom) {
        self.history = history
        self.path = path
        self.random = random
    }

    /// Writers and readers on one file. The one that has the lock is killed, again and again, and
    /// another takes over.
    mutating func relay(_ account: inout Account) throws {
        let crowd = random.number(in: 2...8)
        for index in 0..<crowd {
            _ = try processes.start(
                index < 2 || random.oneIn(2) ? .write : .read, path, history.seed)
        }
        for round in 0..<random.number(in: 6...12) {
            account.step = round
            var left = random.below(30)
            var victim: Int?
            // Now and then at once: while it starts, creates or recovers.
            if random.oneIn(5) { victim = random.element(of: processes.numbers) }
            while victim == nil {
                guard let line = try processes.next(within: Self.patience) else {
                    throw Failure("no process gets on after commit \(acknowledged)")
                }
                try takeLine(line)
                left -= 1
                if left < 0, line.word != "read" || random.oneIn(8) { victim = line.number }
            }
            for _ in 0..<random.below(1 << random.below(18)) { sched_yield() }
            try processes.kill(victim!)
            account.units += 1
            account.note("kills in a crowd of \(crowd)")
            _ = try processes.start(.write, path, history.seed)
        }
        // The last ones, in any order, one behind the other.
        for number in processes.numbers.shuffled(using: &random) {
            try processes.kill(number)
            account.units += 1
        }
        while let line = try processes.next(within: 0) { try takeLine(line) }
        try check("at the end")
    }

    mutating func takeLine(_ line: ChildProcesses.Line) throws {
        switch line.word {
        case "open", "read":
            // The one before may have been killed between a commit and its word for it.
            guard line.count == acknowledged || line.count == acknowledged + 1 else {
                throw Failure("\(line.word) \(line.count) after \(acknowledged) acknowledged")
            }
            acknowledged = line.count
        case "commit":
            guard line.count == acknowledged + 1 else {
                throw Failure("commit \(line.count) after \(acknowledged)")
            }
            acknowledged = line.count
        default: break
        }
    }

    /// Opens in this process: the lock is free, and the content is right.
    mutating func check(_ place: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            guard acknowledged == 0 else { throw Failure("\(place): the database is gone") }
            return
        }
        let database = try FileDatabase.open(path, options: history.options)
        do {
            let count = try history.check(database)
            guard count == acknowledged || count == acknowledged + 1 else {
                throw Failure("\(count) commits after \(acknowledged) acknowledged")
            }
            acknowledged = count + 1
            try history.commit(acknowledged, in: database)
            try database.close()
        } catch {
            throw Failure("\(place): \(error)")
        }
    }

    /// What a new process says about opening to write.
    func attempt(_ path: String? = nil) throws -> ChildProcesses.Line {
        let number = try processes.start(.attempt, path ?? self.path, history.seed)
        guard let line = try processes.next(within: Self.patience), line.number == number else {
            throw Failure("no answer from an attempt")
        }
        try processes.kill(number)
        return line
    }

    /// Waits for one word.
    mutating func wait(for word: String) throws -> ChildProcesses.Line {
        while let line = try processes.next(within: Self.patience) {
            if line.word == word { return line }
            try takeLine(line)
        }
        throw Failure("'\(word)' never came")
    }
}
