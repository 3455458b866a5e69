import Foundation
import StorageIO

/// A child process that runs cases, one at a time, so that a trap or a hang ends the child and not
/// the run.
final class WorkerProcess {
    /// A case that takes longer hangs.
    static let timeLimit = 300.0

    private let process = Process()
    private let requests = Pipe()
    private let answers = Pipe()
    private var buffered = Data()

    init(program: String) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["worker"]
        process.standardInput = requests
        process.standardOutput = answers
        var environment = ProcessInfo.processInfo.environment
        // A trap that is traced takes minutes.
        environment["SWIFT_BACKTRACE"] = "enable=no"
        process.environment = environment
        try process.run()
    }

    /// Runs a case and waits for its outcome, which is never missing: a child that dies or hangs is a
    /// finding. The worker can't be used any more then.
    func run(_ family: any Family.Type, _ number: UInt64) -> WorkerLine {
        var line = WorkerLine(number: number)
        let hasEnded = EndFlag()
        let process = process
        let watch = DispatchWorkItem {
            if hasEnded.isSet { return }
            hasEnded.timeIsOver()
            kill(process.processIdentifier, SIGKILL)
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.timeLimit, execute: watch)
        defer { watch.cancel() }
        do {
            try requests.fileHandleForWriting.write(
                contentsOf: Data("\(family.name) \(number)\n".utf8))
            while let text = try readLine() {
                guard let answer = WorkerLine(text[...]), answer.number == number else {
                    say(text)
                    continue
                }
                hasEnded.set()
                return answer
            }
        } catch {
            line.failure = "the worker's pipe broke: \(error)"
        }
        process.waitUntilExit()
        if hasEnded.isOverTime {
            line.failure = "no end after \(Int(Self.timeLimit)) seconds"
        } else {
            let how = process.terminationReason == .uncaughtSignal ? "by signal" : "with status"
            line.failure = "the process ended \(how) \(process.terminationStatus)"
        }
        return line
    }

    /// The next line of output, nil when the process has ended.
    private func readLine() throws -> String? {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                let text = String(decoding: buffered[buffered.startIndex..<end], as: UTF8.self)
                buffered = Data(buffered[(end + 1)...])
                return text
            }
            let more = answers.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            buffered += more
        }
    }

    /// Lets the process end.
    func stop() {
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}

/// Whether a case has ended, and how.
private final class EndFlag: @unchecked Sendable {
    // Sendable: `lock` guards the rest.
    private let lock = Lock()
    private var hasEnded = false
    private var isLate = false

    var isSet: Bool { lock.withLock { hasEnded } }
    var isOverTime: Bool { lock.withLock { isLate } }
    func set() { lock.withLock { hasEnded = true } }
    func timeIsOver() { lock.withLock { isLate = true } }
}
