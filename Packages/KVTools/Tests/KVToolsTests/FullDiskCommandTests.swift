import Foundation
import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// A disk that is really full, where this process may mount one, and one that fails at any call.
@Suite struct FullDiskCommandTests {
    // Without the right to mount, the injected faults below have to do.
    @Test(.enabled(if: MountedDisk.isAllowed, "this process may not mount a file system"))
    func aFullDiskLeavesThingsAsTheyWere() throws {
        let disk = try #require(try MountedDisk(megabytes: 1))
        let folder = try TemporaryDirectory()
        let large = folder.file("large.db")
        let value = [UInt8](repeating: 7, count: 3_000_000)
        #expect(kvtools("put", large, "k", "-", input: value).status == .success)

        let export = kvtools("export", large, "--output", disk.path + "/x.tkdb")
        #expect(export.status == .inputOutput)
        #expect(export.error.contains("no space is left"), "\(export.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)

        let small = disk.path + "/small.db"
        let tsv = Array("k\tv\n".utf8)
        let made = kvtools("import", small, "-", "--input-format", "tsv", input: tsv)
        if made.status == .success {
            let full = kvtools("put", small, "big", "-", "--json", input: value)
            #expect(full.status == .inputOutput && full.error.contains("diskFull"), "\(full.error)")
            let stream = kvtools("export", large).output
            let import_ = kvtools("import", small, "-", "--merge", "--json", input: stream)
            #expect(import_.status == .inputOutput, "\(import_.error)")
            #expect(import_.error.contains("diskFull"), "\(import_.error)")
            #expect(kvtools("list", small).text == "k\tv\n")
            #expect(kvtools("verify", small).status == .success)
        } else {
            #expect(made.status == .inputOutput)
        }
    }

    @Test func aFaultAtAnyCallLeavesTheOldFileOrTheNew() throws {
        func attempt(_ files: CrashingFileSystem) throws(StorageError) {
            let output = try OutputFile(path: "out", on: files)
            try output.write([UInt8](repeating: 1, count: 1000))
            try output.write([UInt8](repeating: 2, count: 1000))
            try output.commit()
        }
        func content(_ files: CrashingFileSystem) throws -> [UInt8] {
            let file = try files.open("out", .readOnly)
            var bytes = [UInt8](repeating: 0, count: 4000)
            let count = unsafe try bytes.withUnsafeMutableBytes {
                unsafe try file.read(into: $0, at: 0)
            }
            return Array(bytes.prefix(count))
        }
        func prepared() throws -> CrashingFileSystem {
            let files = CrashingFileSystem()
            let old = try OutputFile(path: "out", on: files)
            try old.write([9])
            try old.commit()
            return files
        }
        let plain = try prepared()
        let before = plain.operationCount
        try attempt(plain)
        let after = plain.operationCount
        let whole = try content(plain)
        #expect(whole.count == 2000)
        for number in (before + 1)...after {
            let files = try prepared()
            files.fail(operation: number, with: .diskFull)
            #expect(throws: StorageError.self, "operation \(number)") { try attempt(files) }
            let left = try content(files)
            #expect(left == [9] || left == whole, "operation \(number)")
        }
    }
}
