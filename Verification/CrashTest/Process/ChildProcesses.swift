import Foundation

/// The processes of one case, which all talk through one pipe, so that their lines come in the order
/// in which they were written.
final class ChildProcesses {
    private let pipe = Pipe()
    private var buffered = Data()
    private var running: [Int: Process] = [:]
    private var nextNumber = 0

    deinit { for number in running.keys { try? kill(number) } }

    /// Their numbers.
    var numbers: [Int] { running.keys.sorted() }

    /// Starts one more.
    func start(_ role: ChildCommand.Role, _ path: String, _ seed: UInt64) throws -> Int {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        nextNumber += 1
        process.arguments = ["child", role.rawValue, path, "\(seed)", "\(nextNumber)"]
        process.standardInput = FileHandle.nullDevice
        // The handle and not the pipe, whose end would be closed here after the first start.
        process.standardOutput = pipe.fileHandleForWriting
        try process.run()
        running[nextNumber] = process
        return nextNumber
    }

    /// Ends one with `kill -9`, and waits until it is gone.
    func kill(_ number: Int) throws {
        guard let process = running.removeValue(forKey: number) else { return }
        let identifier = process.processIdentifier
        _ = Foundation.kill(identifier, SIGKILL)
        process.waitUntilExit()
        guard process.terminationReason == .uncaughtSignal, process.terminationStatus == SIGKILL
        else { return }
    }

    /// A line that one of them wrote: who, what, and the numbers or words behind it.
    struct Line {
        var number: Int
        var word: String
        var rest: [Substring]
        /// The first of the rest as a number.
        var count: UInt64 { rest.first.flatMap { UInt64($0) } ?? 0 }
    }

    /// The next line; nil when none comes within the milliseconds.
    func next(within milliseconds: Int32) throws -> Line? {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                let text = String(decoding: buffered[buffered.startIndex..<end], as: UTF8.self)
                buffered = Data(buffered[(end + 1)...])
                let words = text.split(separator: " ")
                guard words.count >= 2, let number = Int(words[0]) else {
                    throw Failure("a process says '\(text)'")
                }
                let line = Line(
                    number: number, word: String(words[1]), rest: Array(words.dropFirst(2)))
                if line.word == "failed" {
                    throw Failure("process \(text)")
                }
                return line
            }
            let descriptor = pipe.fileHandleForReading.fileDescriptor
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&request, 1, milliseconds)
            if ready < 0, errno == EINTR { continue }
            if ready == 0 { return nil }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = unsafe Foundation.read(descriptor, &bytes, bytes.count)
            if count <= 0 { throw Failure("the pipe broke") }
            buffered += bytes[..<count]
        }
    }
}
