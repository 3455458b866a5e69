import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

extension NumberedCommits {
    /// How many commits a recorded process makes.
    static let recordedCount: UInt64 = 48

    /// The options of a recorded process, whose calls are the same each time.
    var recordedOptions: DatabaseOptions {
        var options = options
        options.durability = .full
        options.checkpointPolicy = .inline
        options.sizeLimit = 64 << 20
        return options
    }
}

extension ChildCommand {
    /// Lives through a history and marks what it has promised; its calls are recorded.
    func record() throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let marksPath = folder.appendingPathComponent(PromiseMarks.fileName).path
        let marks = unsafe Glibc.open(marksPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard marks >= 0 else { throw Failure("no file for the marks") }
        func mark(_ text: String) {
            let line = Array("\(text)\n".utf8)
            _ = unsafe line.withUnsafeBytes { unsafe Glibc.write(marks, $0.baseAddress, $0.count) }
        }
        let history = NumberedCommits(seed: seed)
        let options = history.recordedOptions
        var random = SeededRandom(seed: seed &+ 0x7265_636f)
        var database = try FileDatabase.open(path, options: options)
        for number in 1...NumberedCommits.recordedCount {
            mark("begun \(number)")
            var isSafe = true
            if random.oneIn(24) {
                try importCommit(number, into: database)
            } else {
                let durability = random.element(of: [Durability.full, .full, .written, .buffered])
                try history.commit(number, in: database, durability)
                isSafe = durability == .full
            }
            if isSafe { mark("safe \(number)") }
            switch random.below(16) {
            case 0: try database.checkpoint()
            case 1: _ = try database.compact()
            case 2: try database.sync()
            case 3:
                try database.close()
                mark("safe \(number)")
                database = try FileDatabase.open(path, options: options)
            default: continue
            }
            mark("safe \(number)")
        }
        // As a killed process leaves it, or closed.
        if random.oneIn(2) { try database.close() }
        tell("recorded")
        _exit(0)
    }
}
