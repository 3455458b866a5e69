import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// What only shows in a process of its own: signals, pipes, arguments as the system gives them.
@Suite(.enabled(if: BuiltCommand.executable != nil))
struct ProcessTests {
    let folder: TemporaryDirectory
    let database: String

    init() throws {
        folder = try TemporaryDirectory()
        database = folder.file("my.db")
        let lines = (0..<20_000).map { "key \($0)\tthe value of key number \($0)\n" }.joined()
        let made = kvtools(
            "import", database, "-", "--input-format", "tsv", input: Array(lines.utf8))
        #expect(made.status == .success, "\(made.error)")
    }

    /// Runs a line of shell with `$kvtools` and `$db`; its standard output and status.
    func shell(_ line: String) throws -> (output: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", line]
        process.environment = [
            "kvtools": try #require(BuiltCommand.executable).path, "db": database,
            "PATH": "/usr/bin:/bin",
        ]
        process.currentDirectoryURL = URL(filePath: folder.path)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: bytes, as: UTF8.self), process.terminationStatus)
    }

    @Test func aReaderThatHasSeenEnoughIsNoError() throws {
        let list = try shell(
            #"{ "$kvtools" list "$db"; echo $? >status; } | head -n 1; cat status"#)
        #expect(list.output == "key 0\tthe value of key number 0\n0\n")
        // But an export that is cut is one.
        let export = try shell(
            #"{ "$kvtools" export "$db"; echo $? >status; } | head -c 1 >/dev/null; cat status"#)
        #expect(export.output == "5\n")
    }

    @Test func pipesCarryExportsAndValues() throws {
        let copied = try shell(
            #""$kvtools" export "$db" --lz4 | "$kvtools" import copy.db - && "$kvtools" verify copy.db"#
        )
        #expect(copied.status == 0)
        let value = try shell(
            #"printf 'a\000b\n' | "$kvtools" put "$db" k - && "$kvtools" "$db" get k | od -An -tx1"#
        )
        #expect(value.output.split(separator: " ").joined(separator: " ") == "61 00 62 0a\n")
    }

    @Test func argumentsThatAreNotTextAreRefused() throws {
        let put = try shell(#""$kvtools" put "$db" "$(printf '\377')" v"#)
        #expect(put.status == 64)
        #expect(kvtools("list", database, "--from", "l").text.isEmpty)
    }

    @Test func anInterruptedExportLeavesNothing() throws {
        let names = try folder.names()
        // The signal comes as soon as the export has begun to write; if the export was faster, its
        // file is there, and whole.
        let stopped = try shell(
            #"""
            "$kvtools" export "$db" --output x.tkdb &
            while ! ls x.tkdb.*.partial >/dev/null 2>&1 && ! test -e x.tkdb; do :; done
            kill -TERM $!
            wait $!
            ls | grep -c partial
            "$kvtools" import copy.db x.tkdb || rm -f copy.db
            """#)
        #expect(stopped.output == "0\n")
        if try folder.names().contains("x.tkdb") {
            #expect(kvtools("get", folder.file("copy.db"), "key 7").status == .success)
        } else {
            #expect(try folder.names() == names)
        }
    }
}
