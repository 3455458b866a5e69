import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// What surrounds a process: closed standard descriptors, files of another user, limits of the system,
/// a path that is relative to a directory that changes.
///
/// Case *n* is one process in one situation; the number says which, and how large the limit is, which
/// descriptors are closed, when the directory changes. The process does what follows, and in the end
/// the database has every commit that was acknowledged and is sound. Situations with a second user need
/// root, and are skipped with a warning otherwise.
struct SurroundingsFamily: Family {
    static let name = "surroundings"
    static let unit = "processes"
    static let gate = Goal.cases(350)
    static let subset = Goal.cases(70)

    func run(_ number: UInt64, _ account: inout Account) throws {
        let situations = Situation.allCases
        let situation = situations[Int(number % UInt64(situations.count))]
        let seed = number / UInt64(situations.count)
        if situation.needsSecondUser && geteuid() != 0 {
            return account.note("skipped: a second user needs root")
        }
        let folder = try TemporaryDirectory()
        do {
            let user = try situation.prepare(folder, seed)
            try start(situation, folder.file("a/my.db"), seed, as: user)
            try situation.finish(folder)
        } catch {
            throw Failure("\(situation): \(error)")
        }
        account.units += 1
        account.note("\(situation)")
    }

    private func start(
        _ situation: Situation, _ path: String, _ seed: UInt64, as user: UInt32
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["situation", situation.rawValue, path, "\(seed)", "--user", "\(user)"]
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0, said == "sound\n"
        else { throw Failure("'\(said)', status \(process.terminationStatus)") }
    }
}

/// One kind of surroundings.
enum Situation: String, CaseIterable {
    case closedDescriptors
    case strangeGroup
    case foreignLog
    case foreignDraft
    case fileSizeLimit
    case descriptorLimit
    case changedDirectory

    /// Users and groups that need no name.
    static let owner: UInt32 = 54_321
    static let stranger: UInt32 = 54_322

    var needsSecondUser: Bool {
        switch self {
        case .strangeGroup, .foreignLog, .foreignDraft: true
        default: false
        }
    }

    /// Lays out the directory `a` of the database, and `b` beside it.
    ///
    /// - Returns: the user that the process is to be, 0 for the one that runs the test.
    func prepare(_ folder: TemporaryDirectory, _ seed: UInt64) throws -> UInt32 {
        for name in ["a", "b"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name), withIntermediateDirectories: false)
        }
        let path = folder.file("a/my.db")
        if seed % 2 == 0 || self == .strangeGroup, self != .foreignDraft {
            let database = try FileDatabase.open(path)
            try database.put("before", "here")
            try database.close()
        }
        guard needsSecondUser else { return 0 }
        // The user has to get to the database.
        try Self.call(unsafe chmod(folder.path, 0o711), "chmod")
        let directory = folder.file("a")
        switch self {
        case .strangeGroup:
            // The data file belongs to a group that its owner is not in.
            try Self.call(unsafe chown(path, Self.owner, Self.stranger), "chown")
            try Self.call(unsafe chmod(path, 0o660), "chmod")
            try Self.call(unsafe chown(directory, Self.owner, Self.owner), "chown")
        case .foreignLog, .foreignDraft:
            // Somebody else has laid a file into the shared directory, to read what comes into it.
            try Self.call(unsafe chmod(directory, seed % 4 < 2 ? 0o777 : 0o1777), "chmod")
            if FileManager.default.fileExists(atPath: path) {
                try Self.call(unsafe chown(path, Self.owner, Self.owner), "chown")
            }
            let laid = laidFile(folder)
            guard FileManager.default.createFile(atPath: laid, contents: Data()) else {
                throw Failure("no file \(laid)")
            }
            try Self.call(unsafe chown(laid, Self.stranger, Self.stranger), "chown")
            try Self.call(unsafe chmod(laid, seed % 3 == 0 ? 0o644 : 0o666), "chmod")
        default: break
        }
        return Self.owner
    }

    private func laidFile(_ folder: TemporaryDirectory) -> String {
        folder.file("a/my.db") + (self == .foreignLog ? "-wal" : "-new")
    }

    /// Looks at what the process left.
    func finish(_ folder: TemporaryDirectory) throws {
        guard self == .foreignLog || self == .foreignDraft else { return }
        var laid = stat()
        guard unsafe stat(laidFile(folder), &laid) == 0, laid.st_uid == Self.stranger else {
            return
        }
        guard laid.st_size == 0 else {
            throw Failure("\(laid.st_size) bytes came into a stranger's file")
        }
    }

    static func call(_ result: Int32, _ name: String) throws {
        if result != 0 { throw Failure("\(name): error \(errno)") }
    }
}
