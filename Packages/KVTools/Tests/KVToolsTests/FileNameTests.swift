import Foundation
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// Paths that lead to a database's files by other ways, and names that are still free ("Files and names"
/// in Docs/Guarantees.md).
@Suite struct FileNameTests {
    let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: folder.file("data"), withIntermediateDirectories: false)
    }

    /// Leaves a database as a killed process does: with `count` commits that only the log has.
    private func leave(_ path: String, count: Int) throws {
        let source = try TemporaryDirectory()
        let database = try FileDatabase.open(source.file("r.db"))
        for number in 0..<count { try database.put("key \(number)", "value") }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: source.file("r.db" + suffix), toPath: path + suffix)
        }
        try database.close()
    }

    private func link(_ target: String, _ name: String) {
        #expect(unsafe symlink(target, folder.file(name)) == 0)
    }

    private func lines(_ path: String) -> Int {
        kvtools("list", path).text.split(separator: "\n").count
    }

    @Test func theLogOfALinkedDatabaseIsFound() throws {
        try leave(folder.file("data/r.db"), count: 100)
        link("data/r.db", "l.db")
        let path = folder.file("l.db")
        #expect(lines(path) == 100)
        let verified = kvtools("verify", path)
        #expect(verified.status == .success, "\(verified.text)\(verified.error)")
        let salvaged = kvtools("salvage", path, folder.file("n.db"))
        #expect(salvaged.status == .success && salvaged.text.contains("Everything came back."))
        #expect(lines(folder.file("n.db")) == 100)
        #expect(try folder.names() == ["data", "l.db", "n.db"])
    }

    @Test func noExportTakesAPlaceOfTheDatabases() throws {
        try leave(folder.file("data/r.db"), count: 100)
        link("data/r.db", "l.db")
        link("data/r.db-wal", "w")
        link("data", "d")
        let hard = folder.file("hard")
        #expect(unsafe Foundation.link(folder.file("data/r.db"), hard) == 0)
        let before = try folder.read("data/r.db-wal")
        for database in ["l.db", "data/r.db"] {
            for target in [
                "data/r.db", "data/r.db-wal", "data/r.db-new", "l.db", "w", "d/r.db-wal", "hard",
                "d/../data/./r.db-new",
            ] {
                let done = kvtools(
                    "export", folder.file(database), "-o", folder.path + "/" + target)
                #expect(done.status == .usage, "\(database) \(target): \(done.error)")
            }
        }
        #expect(try folder.read("data/r.db-wal") == before)
        #expect(lines(folder.file("l.db")) == 100)
        #expect(try folder.names() == ["d", "data", "hard", "l.db", "w"])
        // A database may stand where a link of its own name leads to another directory.
        #expect(
            kvtools("export", folder.file("l.db"), "-o", folder.file("l.db-wal")).status == .success
        )
    }

    /// The log's name belongs to the database also while no log is there.
    @Test func freeNamesAreNotGivenAway() throws {
        let path = folder.file("f.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        for target in [path + "-wal", path + "-new", folder.path + "/./f.db-wal"] {
            #expect(kvtools("export", path, "-o", target).status == .usage)
        }
        #expect(kvtools("get", path, "k").text == "v")
        #expect(try folder.names() == ["data", "f.db"])
    }

    @Test func anExportThroughALinkThatLeadsNowhereIsRefused() throws {
        let path = folder.file("f.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        link("f.db-wal", "w")
        #expect(kvtools("export", path, "-o", folder.file("w")).status == .inputOutput)
        link("x.tkdb", "good")
        try Data().write(to: URL(filePath: folder.file("x.tkdb")))
        #expect(kvtools("export", path, "-o", folder.file("good")).status == .success)
        #expect(try !folder.read("x.tkdb").isEmpty)
        #expect(try folder.names() == ["data", "f.db", "good", "w", "x.tkdb"])
    }

    // MARK: Salvage

    @Test func aReportNeverTakesADatabasesName() throws {
        let path = folder.file("q.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        link(".", "here")
        let before = try folder.read("q.db")
        for report in [
            "y.db", "./y.db", "here/y.db", "y.db-wal", "./y.db-new", "q.db-wal", "here/q.db-new",
        ] {
            let done = kvtools(
                "salvage", path, folder.file("y.db"), "--report", folder.path + "/" + report)
            #expect(done.status == .usage, "\(report): \(done.error)")
            #expect(try folder.names() == ["data", "here", "q.db"], "\(report)")
        }
        for target in ["./q.db-wal", "here/q.db-wal", "here/q.db", "q.db-new"] {
            let done = kvtools("salvage", path, folder.path + "/" + target)
            #expect(done.status == .usage, "\(target): \(done.error)")
        }
        #expect(try folder.read("q.db") == before)
        #expect(try folder.names() == ["data", "here", "q.db"])
    }

    /// Before any work is done.
    @Test func aReportThatCannotBeMadeIsRefusedAtOnce() throws {
        let path = folder.file("q.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        let missing = kvtools(
            "salvage", path, folder.file("y.db"), "--report", folder.file("nodir/r.json"))
        #expect(missing.status == .inputOutput)
        #expect(missing.error.contains("there is no directory \(folder.file("nodir"))"))
        #expect(try folder.names() == ["data", "q.db"])
        // A salvage that fails leaves no report.
        _ = try folder.write([], to: "empty.db")
        let failed = kvtools(
            "salvage", folder.file("empty.db"), folder.file("y.db"), "--report",
            folder.file("r.json"))
        #expect(failed.status == .damaged)
        #expect(try folder.names() == ["data", "empty.db", "q.db"])
    }

    /// A report is put in place without taking the place of what has come meanwhile.
    @Test func aFileThatIsNotToBeReplacedStays() throws {
        let file = try OutputFile(
            path: folder.file("r.json"), on: POSIXFileSystem(), replacing: false)
        try file.write("mine")
        _ = try folder.write(Array("theirs".utf8), to: "r.json")
        #expect(thrownCode { try file.commit() } == .fileExists)
        #expect(try folder.read("r.json") == Array("theirs".utf8))
        file.abandon()
        #expect(try folder.names() == ["data", "r.json"])
    }

    // MARK: Messages

    @Test func errorsNameTheFileThatWasAskedFor() throws {
        let path = folder.file("f.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        let input = try folder.write(Array("a\t1\n".utf8), to: "i.tsv")
        let missing = folder.file("nodir/x")
        for arguments in [
            ["put", missing, "k", "v"], ["import", missing, input],
            ["export", path, "-o", missing], ["salvage", path, missing],
        ] {
            let error = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: arguments, input: MemoryInput([]), output: MemoryOutput(), error: error)
            #expect(status == .inputOutput, "\(arguments): \(error.text)")
            #expect(
                error.text.contains("there is no directory \(folder.file("nodir"))"),
                "\(arguments): \(error.text)")
            #expect(error.text.contains("(\(missing)"), "\(arguments): \(error.text)")
            for internalName in [".partial", "-new", "-wal"] {
                #expect(!error.text.contains(internalName), "\(arguments): \(error.text)")
            }
        }
    }

    @Test(
        .enabled(
            if: BuiltCommand.canRunUnprivileged, "can't run kvtools as another user than root"))
    func errorsOfRightsNameTheFileThatWasAskedFor() throws {
        let path = folder.file("f.db")
        #expect(kvtools("put", path, "k", "v").status == .success)
        let input = try folder.write(Array("a\t1\n".utf8), to: "i.tsv")
        for name in [path, input] { #expect(unsafe chmod(name, 0o644) == 0) }
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        let target = folder.file("data/x")
        for arguments in [
            ["put", target, "k", "v"], ["import", target, input], ["export", path, "-o", target],
        ] {
            let error = try expectRefusal(
                5, [.permissionDenied], arguments, isUnprivileged: true)
            #expect(error.contains(#""path":"\#(target)""#), "\(error)")
            for internalName in [".partial", "-new", "-wal"] {
                #expect(!error.contains(internalName), "\(error)")
            }
        }
    }

    /// A log that the rights keep from being read is no damage, and no reason for a salvage.
    @Test(
        .enabled(
            if: BuiltCommand.canRunUnprivileged, "can't run kvtools as another user than root"))
    func aLogThatMayNotBeReadIsNotSalvagedPast() throws {
        let path = folder.file("data/c.db")
        try leave(path, count: 50)
        #expect(unsafe chmod(folder.path, 0o755) == 0)
        #expect(unsafe chmod(folder.file("data"), 0o777) == 0)
        #expect(unsafe chmod(path, 0o644) == 0)
        #expect(unsafe chmod(path + "-wal", 0) == 0)
        for arguments in [
            ["list", path], ["verify", path], ["salvage", path, folder.file("data/s.db")],
        ] {
            try expectRefusal(5, [.permissionDenied], arguments, isUnprivileged: true)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("data")).count == 2)
    }

    /// Paths in errors and findings are those of the command line.
    @Test(.enabled(if: BuiltCommand.executable != nil, "kvtools is not beside these tests"))
    func relativePathsStayRelative() throws {
        #expect(kvtools("put", folder.file("f.db"), "k", "v").status == .success)
        for name in ["f.db-wal", "g.db"] {
            _ = try folder.write(Array(repeating: 65, count: 10_000), to: name)
        }
        for (database, name) in [("f.db", "f.db-wal"), ("g.db", "g.db"), ("no.db", "no.db")] {
            let process = Process()
            process.executableURL = BuiltCommand.executable
            process.arguments = ["list", database]
            process.currentDirectoryURL = URL(filePath: folder.path)
            let error = Pipe()
            process.standardError = error
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let bytes = try error.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("(\(name)") && !text.contains(folder.path), "\(text)")
        }
    }
}
