import ArgumentParser
import KVDB
import StorageIO

/// `kvtools export`
struct ExportVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the database's content as a tkdb export.",
        discussion: """
            Exports one moment of the database. A file appears under its name only when it is whole; \
            one that is there is replaced. `kvtools import` reads it back, also when `lz4` has packed \
            or unpacked it.

            Examples:
              kvtools export my.db my.tkdb
              kvtools export my.db --output my.tkdb.lz4
              kvtools export my.db --format tkdb1 > old.tkdb
              kvtools export my.db --lz4 | ssh host kvtools import my.db -
            """)

    /// The formats by the names that the option takes.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case tkdb1, tkdb2

        var version: ExportFormat { self == .tkdb1 ? .version1 : .version2 }
    }

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The file to write, or - for standard output, as without one.")
    var file: String?
    @Option(name: [.short, .customLong("output")], help: "The same, as an option.")
    var outputOption: String?
    @Option(help: "tkdb2, with checksums, or tkdb1, for older programs.")
    var format = Format.tkdb2
    @Flag(help: "Pack it as an LZ4 frame; implied by a file name that ends in .lz4.")
    var lz4 = false
    @OptionGroup var outputOptions: OutputOptions

    var needsWholeOutput: Bool { true }

    func validate() throws {
        guard file == nil || outputOption == nil else {
            throw ValidationError("The file to write is given twice; leave --output out.")
        }
    }

    private var output: String { file ?? outputOption ?? "-" }

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        if output == "-" && session.output.isTerminal {
            throw StorageError(
                .invalidArgument,
                "An export is not for the terminal; name a file, or redirect it.")
        }
        let packs = lz4 || output.lowercased().hasSuffix(".lz4")
        let result = try session.withDatabase(database, .read) { database throws(StorageError) in
            let target = try ExportTarget(output, database: self.database, in: session)
            let counter = CountingOutput(target.stream)
            let rights = FileRights(of: output)
            let entries = try self.write(database, to: counter, packs: packs, in: session)
            try target.commit()
            rights?.give(to: output)
            return (entries: entries, bytes: counter.byteCount)
        }
        guard output != "-" else { return .success }
        session.markDone()
        if session.isJSON {
            try session.print([
                ("entries", .unsigned(result.entries)), ("output_bytes", .unsigned(result.bytes)),
                ("format", .string(format.rawValue)), ("lz4", .boolean(packs)),
                ("output", .string(output)),
            ])
        } else {
            session.note(
                "Exported \(counted(result.entries, "entry", "entries")) in "
                    + "\(counted(result.bytes, "byte")) to \(output).")
        }
        return .success
    }

    private func write(
        _ database: DatabaseAccess, to output: any ByteOutput, packs: Bool, in session: Session
    ) throws(StorageError) -> UInt64 {
        let packer = packs ? try LZ4FrameEncoder(output) : nil
        let progress = Progress("Exporting", in: session)
        defer { progress.finish() }
        // Packing takes as long as reading, and writing is not for nothing either.
        let parallel = try ParallelOutput { bytes throws(StorageError) in
            if let packer { try packer.write(bytes) } else { try output.write(bytes) }
        }
        defer { parallel.cancel() }
        let entries = try database.export(format.version, progress: progress) {
            bytes throws(StorageError) in
            try withByteView(of: bytes) { bytes throws(StorageError) in try parallel.write(bytes) }
        }
        try parallel.finish()
        try packer?.finish()
        try output.flush()
        return entries
    }
}

/// Counts what goes through.
final class CountingOutput: ByteOutput {
    private let output: any ByteOutput
    private(set) var byteCount: UInt64 = 0

    init(_ output: any ByteOutput) { self.output = output }

    var isTerminal: Bool { output.isTerminal }

    func write(_ bytes: ByteView) throws(StorageError) {
        byteCount += UInt64(bytes.count)
        try output.write(bytes)
    }

    func flush() throws(StorageError) { try output.flush() }
}
