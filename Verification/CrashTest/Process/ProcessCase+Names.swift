import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Forks, foreign descriptors, and names that lead elsewhere.
extension ProcessCase {
    /// The lock belongs to the open file: neither a fork's end nor its `close`, nor another
    /// descriptor's, takes it away.
    mutating func forkAndForeignClose(_ account: inout Account) throws {
        let holder = try processes.start(.fork, path, history.seed)
        let forked = try wait(for: "forked")
        guard forked.rest == ["closed", "closed"] else {
            throw Failure("a fork's use of its parent's handle gave \(forked.rest)")
        }
        acknowledged = try wait(for: "parent").count
        try expect("refused locked", from: try attempt(), "beside the parent of a fork")
        try processes.kill(holder)
        account.units += 1
        account.note("forks")
        try check("after the fork's parent was killed")

        let database = try FileDatabase.open(path, options: history.options)
        // A classic record lock goes with the first descriptor of the file that is closed.
        for flags in [O_RDWR, O_RDONLY] {
            let foreign = unsafe Foundation.open(path, flags)
            _ = Foundation.close(foreign)
        }
        try expect("refused locked", from: try attempt(), "after a foreign close")
        account.note("foreign closes", 2)
        try database.close()
        try expect("opened", from: try attempt(), "after close")
        try check("after foreign closes")
    }

    private func expect(
        _ answer: String, from line: ChildProcesses.Line, _ place: String
    ) throws {
        let given = ([Substring(line.word)] + line.rest).joined(separator: " ")
        guard given.hasPrefix(answer) else {
            throw Failure("\(place): '\(given)' instead of '\(answer)'")
        }
    }

    /// Leaves a database as a killed writer does, then gives the files other names.
    mutating func names(in folder: TemporaryDirectory, _ account: inout Account) throws {
        let writer = try processes.start(.write, path, history.seed)
        for _ in 0...random.below(6) { try takeNext() }
        try processes.kill(writer)
        while let line = try processes.next(within: 0) { try takeLine(line) }
        account.units += 1
        let other = folder.file("other.db")
        let log = FileDatabase.logPath(of: path)
        let files = FileManager.default
        let hasLog = files.fileExists(atPath: log) && history.options.usesLog
        switch random.below(6) {
        case 0:
            // The data file alone elsewhere: its log is missed. With its log it is whole.
            try files.moveItem(atPath: path, toPath: other)
            if hasLog, try needsLog(other) {
                try expect("refused damaged", from: try attempt(other), "renamed without its log")
            }
            if files.fileExists(atPath: log) {
                try files.moveItem(atPath: log, toPath: FileDatabase.logPath(of: other))
            }
            try expect("opened", from: try attempt(other), "renamed with its log")
            try files.moveItem(atPath: other, toPath: path)
            account.note("renames")
        case 1:
            try files.createSymbolicLink(atPath: other, withDestinationPath: path)
            try expect("opened", from: try attempt(other), "through a symbolic link")
            guard !files.fileExists(atPath: FileDatabase.logPath(of: other)) else {
                throw Failure("a log beside a symbolic link")
            }
            try files.removeItem(atPath: other)
            account.note("symbolic links")
        case 2:
            try files.linkItem(atPath: path, toPath: other)
            for name in [path, other] {
                try expect("refused ambiguousName", from: try attempt(name), "with two names")
            }
            try files.removeItem(atPath: other)
            account.note("hard links")
        case 3 where hasLog:
            if try needsLog(path) {
                try files.moveItem(atPath: log, toPath: log + ".kept")
                try expect("refused damaged", from: try attempt(), "without its log")
                try files.moveItem(atPath: log + ".kept", toPath: log)
            }
            account.note("logs taken away")
        case 4:
            // Another database's file in its place, then its own again.
            try files.moveItem(atPath: path, toPath: other)
            try FileDatabase.open(folder.file("third.db")).close()
            try files.moveItem(atPath: folder.file("third.db"), toPath: path)
            if hasLog {
                try expect("refused notADatabase", from: try attempt(), "with another's log")
            }
            try files.removeItem(atPath: path)
            try files.moveItem(atPath: other, toPath: path)
            account.note("replaced files")
        default:
            let holder = try FileDatabase.open(path, options: history.options)
            let count = try history.check(holder, verifying: false)
            acknowledged = count + 1
            try history.commit(acknowledged, in: holder)
            try files.moveItem(atPath: path, toPath: other)
            try holder.close()
            guard !files.fileExists(atPath: log) else { throw Failure("a log is left") }
            try expect("opened \(acknowledged)", from: try attempt(other), "renamed while open")
            try files.moveItem(atPath: other, toPath: path)
            account.note("renamed while open")
        }
        for name in [log, FileDatabase.logPath(of: other)] where files.fileExists(atPath: name) {
            // What an attempt left when it was killed goes with its file.
            let target = log
            if name != target { try files.moveItem(atPath: name, toPath: target) }
        }
        try check("after the names")
    }

    private mutating func takeNext() throws {
        guard let line = try processes.next(within: Self.patience) else {
            throw Failure("a writer does not get on")
        }
        try takeLine(line)
    }

    /// Whether the superblock says that there is a log.
    private func needsLog(_ path: String) throws -> Bool {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8192)
        var best: (generation: UInt64, flags: UInt8) = (0, 0)
        for slot in [0, 4096] where bytes.count >= slot + 512 {
            var generation: UInt64 = 0
            for index in 0..<8 {
                generation |= UInt64(bytes[slot + 72 + index]) << (8 * UInt64(index))
            }
            if generation > best.generation { best = (generation, bytes[slot + 52]) }
        }
        return best.flags & 3 == 1
    }

    /// `kvtools`, killed in an import, an export, a put or a compaction.
    mutating func tools(_ account: inout Account) throws {
        for round in 0..<8 {
            account.step = round
            let tool = try processes.start(.tool, path, history.seed)
            _ = try wait(for: "tool")
            for _ in 0..<random.below(1 << random.below(20)) { sched_yield() }
            try processes.kill(tool)
            account.units += 1
            account.note("kvtools killed")
            while try processes.next(within: 0) != nil {}
            // An import is all or nothing, down to the file itself.
            if FileManager.default.fileExists(atPath: path) {
                let database = try FileDatabase.open(path)
                let count = try database.count()
                guard count == 3000 || count == 3001 else {
                    throw Failure("\(count) entries after a killed import into a new file")
                }
                if let finding = try database.verify().findings.first {
                    throw Failure("verify: \(finding.error)")
                }
                try database.close()
                try FileManager.default.removeItem(atPath: path)
            }
            // The export has its name when it is whole.
            let export = path + ".tkdb"
            if FileManager.default.fileExists(atPath: export) {
                let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: export)))
                var offset = 0
                let reader = ExportReader { buffer throws(StorageError) in
                    let count = min(buffer.count, bytes.count - offset)
                    for index in 0..<count { buffer[index] = bytes[offset + index] }
                    offset += count
                    return count
                }
                while true { if case .end = try reader.next() { break } }
                try FileManager.default.removeItem(atPath: export)
            }
        }
    }
}
