@_spi(Engine) import DatabaseTesting
import Foundation
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// R4 on a real file system: a process lives through a history of commits while its calls of the C
/// library are recorded, and at every moment the power is cut.
///
/// The recorder is preloaded (Verification/PowerLossRecorder), so it sees what the engine asks of the
/// system and not what the tests' file system makes of it; what a power cut leaves is worked out from
/// the recording alone. This is the cross-check of `CrashingFileSystem`.
///
/// A case is a third of the moments of one process's life. A state counts when it differs from the others
/// of its case. From each the database opens with exactly some prefix of the commits, every promised one
/// among them, and is sound; from a third of them it also takes a further commit, closes and opens, and
/// from another third it closes without a change and opens. And the recording, played back whole, is what
/// the directory holds: so no call was missed.
struct PowerLossFamily: Family {
    static let name = "powerloss"
    static let unit = "states"
    static let gate = Goal.units(20_000)
    static let subset = Goal.units(2000)
    private static let slices: UInt64 = 3

    func run(_ number: UInt64, _ account: inout Account) throws {
        guard let recorder = ProcessInfo.processInfo.environment["KVDB_RECORDER"] else {
            // Counted all the same, or the run would never reach its goal.
            account.units = 1000
            account.note(
                "skipped: there is no recorder (KVDB_RECORDER); Scripts/crashtest builds it")
            return
        }
        let history = NumberedCommits(seed: number / Self.slices)
        let folder = try TemporaryDirectory()
        let calls = try record(history, in: folder, recorder)
        var check = RecordedLife(history, calls)
        try check.run(
            every: Int(Self.slices), from: Int(number % Self.slices), &account)
        for (name, file) in check.medium.names {
            let path = folder.file("files/\(name)")
            guard try Data(contentsOf: URL(fileURLWithPath: path)) == Data(file.current) else {
                throw Failure("\(name) holds something else than was recorded")
            }
        }
        let there = try FileManager.default.contentsOfDirectory(atPath: folder.file("files"))
        guard Set(there) == Set(check.medium.names.keys) else {
            throw Failure("\(there) are there, and \(check.medium.names.keys) by the recording")
        }
    }

    /// Runs a process and returns the calls that it made.
    private func record(
        _ history: NumberedCommits, in folder: TemporaryDirectory, _ recorder: String
    ) throws -> [RecordedCall] {
        let files = folder.file("files")
        let recording = folder.file("recording")
        try FileManager.default.createDirectory(
            atPath: files, withIntermediateDirectories: false)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["child", "record", "\(files)/my.db", "\(history.seed)", "1"]
        var environment = ProcessInfo.processInfo.environment
        environment["LD_PRELOAD"] = recorder
        environment["KVDB_RECORDING"] = recording
        guard let real = unsafe realpath(files, nil) else { throw Failure("no path of \(files)") }
        environment["KVDB_RECORDED_DIRECTORY"] = unsafe String(cString: real)
        unsafe free(real)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, said == "1 recorded\n" else {
            throw Failure("the recorded process says '\(said)'")
        }
        return try RecordedCall.all(in: recording)
    }
}

/// What a recorded process promised, as it wrote it into a file beside the database. The file is in the
/// recording, so a promise has its place among the calls.
enum PromiseMarks {
    static let fileName = "marks"
}

/// The states that power losses leave in a recorded life.
private struct RecordedLife {
    typealias MemoryDatabase = DatabaseEngine<
        FilePageStore<InMemoryFile>, WriteAheadLog<InMemoryFileSystem>
    >

    let history: NumberedCommits
    let calls: [RecordedCall]
    let options: DatabaseOptions
    private(set) var medium = RecordedMedium()
    private var models = [DatabaseModel()]
    /// The commits that were begun, and the last of those that no power loss may take.
    private var begun = 0
    private var safe = 0

    init(_ history: NumberedCommits, _ calls: [RecordedCall]) {
        self.history = history
        self.calls = calls
        options = history.recordedOptions
    }

    /// Plays the recording, and looks at the states before every `stride`-th call.
    mutating func run(every stride: Int, from first: Int, _ account: inout Account) throws {
        var seen: Set<Int> = []
        for (number, call) in calls.enumerated() {
            if number % stride == first, account.enter(number) {
                for variant in 0..<RecordedMedium.variantCount {
                    let state = medium.survivors(variant, seed: UInt64(number))
                        .filter { $0.name != PromiseMarks.fileName }
                    guard seen.insert(Self.fingerprint(state)).inserted else { continue }
                    account.units += 1
                    do {
                        try check(state, further: seen.count % 3)
                    } catch {
                        throw Failure("before call \(number), variant \(variant): \(error)")
                    }
                }
            }
            try medium.take(call)
            if call.kind == .written, call.inode == marks { try takeMark(call.bytes) }
            if call.kind == .created, call.name == PromiseMarks.fileName { marks = call.inode }
        }
        account.note("recorded calls", calls.count)
    }

    private var marks: UInt64?

    /// `begun 7` or `safe 7`.
    private mutating func takeMark(_ bytes: [UInt8]) throws {
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let count = Int(words[1]) else {
            throw Failure("no mark: \(words)")
        }
        if words[0] == "safe" { safe = count }
        begun = max(begun, count)
        while models.count <= begun {
            var model = models[models.count - 1]
            for change in history.changes(UInt64(models.count)) { model.apply(change) }
            models.append(model)
        }
    }

    private static func fingerprint(_ state: [(name: String, bytes: [UInt8])]) -> Int {
        var hasher = Hasher()
        for (name, bytes) in state {
            hasher.combine(name)
            hasher.combine(bytes.count)
            unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
        return hasher.finalize()
    }

    private static func files(
        _ state: [(name: String, bytes: [UInt8])]
    ) throws(StorageError) -> InMemoryFileSystem {
        let files = InMemoryFileSystem()
        for (name, bytes) in state {
            let file = try files.open(name, .createNew)
            try file.writeBytes(bytes)
            file.close()
        }
        return files
    }

    private func check(_ state: [(name: String, bytes: [UInt8])], further: Int) throws {
        let files = try Self.files(state)
        var database = try MemoryDatabase.open("my.db", files: files, options: options)
        var count = Int(try NumberedCommits.count(database))
        guard (safe...begun).contains(count) else {
            throw Failure("\(count) commits, \(safe) promised, \(begun) begun")
        }
        try models[count].check(database, "after \(count) commits:")
        try database.checkSound()
        if further == 0 { return }
        if further == 1 {
            count += 1
            try history.commit(UInt64(count), in: database)
        }
        try database.close()
        database = try .open("my.db", files: files, options: options)
        var model = models[min(count, models.count - 1)]
        if count == models.count {
            for change in history.changes(UInt64(count)) { model.apply(change) }
        }
        try model.check(database, "after a close with \(count) commits:")
        try database.checkSound()
    }
}
