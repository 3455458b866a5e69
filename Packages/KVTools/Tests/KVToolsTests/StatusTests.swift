import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// A status tells what happened to the data, whatever becomes of messages and of the process's
/// surroundings (Docs/ExitCodes.md).
@Suite(.enabled(if: BuiltCommand.executable != nil, "kvtools is not beside these tests"))
struct StatusTests {
    let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        _ = try folder.write(Array("k\tv\n".utf8), to: "in.tsv")
        #expect(kvtools("put", folder.file("my.db"), "a", "1").status == .success)
    }

    /// Runs a line of shell in the folder, in which `kvtools` is the command.
    @discardableResult
    private func shell(_ line: String) throws -> BuiltCommand.Result {
        let executable = try #require(BuiltCommand.executable)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", line]
        process.environment = [
            "PATH": executable.deletingLastPathComponent().path + ":/usr/bin:/bin"
        ]
        process.currentDirectoryURL = URL(filePath: folder.path)
        let (output, error) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = error
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        let said = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return BuiltCommand.Result(
            status: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
            error: String(decoding: said, as: UTF8.self))
    }

    private static let hasFullDevice = FileManager.default.fileExists(atPath: "/dev/full")

    @Test(.enabled(if: hasFullDevice), arguments: ["2>/dev/full", "2>&-", "2>&- <&-"])
    func messagesThatCannotBeWrittenChangeNoStatus(redirection: String) throws {
        for (line, status) in [
            ("kvtools import new.db in.tsv", 0), ("kvtools export my.db my.tkdb", 0),
            ("kvtools export my.db -o my.tkdb", 0), ("kvtools get my.db nokey", 1),
            ("kvtools delete my.db nokey", 1), ("kvtools get none.db k", 5),
            ("kvtools bench my.db --entries 10", 0), ("kvtools put my.db -h", 64),
            ("kvtools salvage my.db saved.db", 0), ("kvtools", 64),
        ] as [(String, Int32)] {
            #expect(try shell("\(line) \(redirection)").status == status, "\(line)")
        }
        #expect(try shell("kvtools get new.db k").output == "v")
        // Messages for a closed descriptor go nowhere, and not into a file that was opened meanwhile.
        #expect(try shell("kvtools import copy.db my.tkdb").status == 0)
        #expect(try shell("kvtools verify my.db").status == 0)
    }

    /// What was to be done is done: a second try is not needed, and the error says so.
    @Test(.enabled(if: hasFullDevice), arguments: [">/dev/full", ">&-"])
    func aReportThatCannotBeWritten(redirection: String) throws {
        for (number, line) in [
            "kvtools put my.db x 1 --json", "kvtools delete my.db a --json",
            "kvtools import new.db in.tsv --json", "kvtools compact my.db",
            "kvtools export my.db my.tkdb --json",
        ].enumerated() {
            let done = try shell("\(line) \(redirection)")
            #expect(done.status == 5 && done.error.contains("What was to be done is done, but:"))
            if line.hasSuffix("--json") {
                #expect(done.error.contains(#""done":true"#), "\(number)")
            }
        }
        #expect(try shell("kvtools list my.db").output == "x\t1\n")
        #expect(try shell("kvtools list new.db").output == "k\tv\n")
        #expect(try shell("kvtools import copy.db my.tkdb").status == 0)
        // A command that only reads has done nothing.
        let read = try shell("kvtools list my.db --json \(redirection)")
        #expect(read.status == 5 && !read.error.contains("done"), "\(read)")
        let help = try shell("kvtools --help \(redirection)")
        #expect(help.status == 5, "\(help)")
    }

    /// No file of the command's gets the number of a standard descriptor that is closed.
    @Test func closedDescriptorsStayClosed() throws {
        for line in [
            "kvtools put my.db k - <&-", "kvtools import x.db - --input-format tsv <&-",
        ] {
            let refused = try shell(line)
            #expect(refused.status == 5 && refused.error.contains("it is closed"), "\(refused)")
        }
        #expect(try shell("kvtools put my.db k v <&- >&- 2>&-").status == 0)
        #expect(try shell("kvtools get my.db k").output == "v")
        #expect(try shell("kvtools verify my.db").status == 0)
    }

    /// The signal of `ulimit -f` would end the process in the middle.
    @Test(arguments: [0, 8, 24, 40, 100])
    func aFileThatMayNotGrow(blocks: Int) throws {
        let names = try folder.names().sorted()
        let value = String(repeating: "v", count: 400_000)
        _ = try folder.write(Array("k\t\(value)\n".utf8), to: "large.tsv")
        for line in [
            "kvtools put my.db big - < large.tsv", "kvtools import new.db large.tsv",
            "kvtools import my.db large.tsv --merge",
        ] {
            let refused = try shell("ulimit -f \(blocks); \(line)")
            #expect(refused.status == 5, "\(line): \(refused)")
            #expect(refused.error.contains("size"), "\(line): \(refused)")
        }
        #expect(try shell("kvtools list my.db").output == "a\t1\n")
        #expect(try shell("kvtools verify my.db").status == 0)
        // A log that found no room may be there, empty, until the next clean close.
        #expect(try shell("kvtools put my.db a 1").status == 0)
        #expect(try folder.names().sorted() == (names + ["large.tsv"]).sorted())
    }

    @Test func argumentsThatAreNotTextAreAnErrorInJSON() throws {
        let plain = try shell(#"kvtools put my.db "$(printf '\377')" v"#)
        #expect(plain.status == 64 && plain.error.contains("Argument 3 is not UTF-8"))
        let json = try shell(#"kvtools put my.db "$(printf '\377')" v --json"#)
        #expect(json.status == 64)
        #expect(json.error.hasPrefix(#"{"error":{"code":"invalidArgument","exit_status":64,"#))
    }

    @Test func errorsOfTheSystemSayWhatToDo() throws {
        let long = String(repeating: "n", count: 300)
        let name = try shell("kvtools import new.db \(long)")
        #expect(name.status == 5 && name.error.contains("give a shorter one"), "\(name)")
        for line in ["kvtools put \(long) k v", "kvtools list \(long)"] {
            let refused = try shell(line)
            #expect(refused.status == 5 && !refused.error.contains("the system reported"))
            #expect(refused.error.contains("shorter"), "\(refused)")
        }
        let few = try shell("ulimit -n 4; kvtools put my.db k v")
        #expect(few.status == 5 && few.error.contains("ulimit -n"), "\(few)")
    }

    /// The change is made when the log of a crash is all that can't be removed.
    @Test(
        .enabled(
            if: BuiltCommand.canRunUnprivileged, "can't run kvtools as another user than root"))
    func aDirectoryThatMayNotBeWritten() throws {
        let closed = folder.file("closed")
        try FileManager.default.createDirectory(
            atPath: closed, withIntermediateDirectories: false)
        let path = closed + "/my.db"
        let database = try DatabaseAccess(path: folder.file("my.db"), mode: .write)
        try database.put(Array("b".utf8), Array("2".utf8), table: "")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.file("my.db") + suffix, toPath: path + suffix)
            #expect(unsafe chmod(path + suffix, 0o666) == 0)
            if getuid() == 0 { #expect(unsafe chown(path + suffix, 65534, 65534) == 0) }
            #expect(unsafe chmod(path + suffix, 0o600) == 0)
        }
        try database.close()
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        #expect(unsafe chmod(closed, 0o555) == 0)
        defer { _ = unsafe chmod(closed, 0o755) }
        let put = try BuiltCommand.run("put", path, "k", "v", isUnprivileged: true)
        #expect(put.status == 0 && put.error.contains("Done, but:"), "\(put)")
        let json = try BuiltCommand.run("put", path, "l", "w", "--json", isUnprivileged: true)
        #expect(json.status == 0 && json.error.hasPrefix(#"{"warning":{"code":"#), "\(json)")
        #expect(
            try BuiltCommand.run("list", path, isUnprivileged: true).output
                == "a\t1\nb\t2\nk\tv\nl\tw\n")
    }
}
