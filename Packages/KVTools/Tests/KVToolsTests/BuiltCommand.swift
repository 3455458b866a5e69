import Foundation
import StorageIO
import StorageIOTesting
import Testing

/// The command as other programs see it: built beside these tests, run as a process of its own.
enum BuiltCommand {
    static let executable: URL? = {
        var folders = [URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()]
        folders += Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
        return folders.map { $0.appending(path: "kvtools") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    /// What a process did.
    struct Result {
        var status: Int32
        var output: String
        var error: String
    }

    /// A process that has been started.
    struct Running {
        let process: Process
        let output: FileHandle
        fileprivate let error: FileHandle

        /// Reads all that it prints, and waits for its end.
        func finish() throws -> Result {
            let output = try self.output.readToEnd() ?? Data()
            // Errors are a few lines, which a pipe holds.
            let error = try self.error.readToEnd() ?? Data()
            process.waitUntilExit()
            return Result(
                status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
                error: String(decoding: error, as: UTF8.self))
        }
    }

    /// Starts `kvtools`, in a folder if one is given.
    static func start(
        _ arguments: [String], isUnprivileged: Bool = false, in folder: String? = nil
    ) throws -> Running {
        let executable = try #require(executable)
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        if isUnprivileged, getuid() == 0 {
            // The superuser may write where the rights say no.
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments =
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", executable.path]
                + arguments
        }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let (output, error) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = error
        try process.run()
        return Running(
            process: process, output: output.fileHandleForReading, error: error.fileHandleForReading
        )
    }

    /// Runs `kvtools` to its end.
    static func run(_ arguments: String..., isUnprivileged: Bool = false) throws -> Result {
        try start(arguments, isUnprivileged: isUnprivileged).finish()
    }

    /// Whether access rights bind the command: this user is not the superuser, or may become another.
    static let canRunUnprivileged =
        executable != nil && (try? run("--help", isUnprivileged: true))?.status == 0
}

/// Runs `kvtools` as a process that must fail, and checks its status and the code that it names.
@discardableResult
func expectRefusal(
    _ status: Int32, _ codes: [StorageError.Code], _ arguments: [String],
    isUnprivileged: Bool = false, location: SourceLocation = #_sourceLocation
) throws -> String {
    let got = try BuiltCommand.start(arguments + ["--json"], isUnprivileged: isUnprivileged)
        .finish()
    #expect(got.status == status, "\(arguments): \(got)", sourceLocation: location)
    #expect(
        codes.contains { got.error.hasPrefix(#"{"error":{"code":"\#($0.name)","#) },
        "\(arguments): \(got)", sourceLocation: location)
    return got.error
}
