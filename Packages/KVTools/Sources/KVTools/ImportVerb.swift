import ArgumentParser
import StorageIO

/// `kvtools import`
struct ImportVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Read entries into the database, all of them or none.",
        discussion: """
            Reads tkdb exports and LZ4 frames, which it knows by their first bytes, tab-separated text \
            and newline-delimited JSON. Creates the database when there is none. Into one that has \
            entries, say --merge to keep them (an imported value replaces the one under its key) or \
            --replace to drop them.
            """)

    /// What happens to the entries that are there.
    enum Mode: String, EnumerableFlag {
        case merge, replace
    }

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The file to read, or - for standard input.") var file: String
    @Flag(exclusivity: .exclusive) var mode: Mode?
    @Option(help: "What the input is, where that can't be told: tkdb, tsv or ndjson.")
    var inputFormat: ImportFormat?
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let isStandard = file == "-"
        let input = try isStandard ? session.input : DescriptorInput(path: file)
        let name = isStandard ? "standard input" : file
        let entries = try LocatedEntryInput(name) { () throws(StorageError) in
            try ImportFormat.open(
                input, name: isStandard ? "" : file, format: inputFormat, keyFormat: keys.format,
                valueFormat: values.format)
        }
        let count: UInt64
        if try POSIXFileSystem().exists(database) {
            count = try session.withDatabase(database, .write) { database throws(StorageError) in
                try self.load(entries, into: database, in: session)
            }
        } else {
            // A new database gets its name when all is in it, so that an import that fails or is
            // killed leaves none.
            count = try DatabaseAccess.create(database) { draft throws(StorageError) in
                try session.withDatabase(draft, .writeCreating) { database throws(StorageError) in
                    try self.load(entries, into: database, in: session)
                }
            }
        }
        if session.isJSON {
            try session.print([
                ("entries", .unsigned(count)), ("mode", .string(mode?.rawValue ?? "new")),
                ("input", .string(file)),
            ])
        } else {
            try session.note("Imported \(count) entries from \(file).")
        }
        return .success
    }

    private func load(
        _ entries: any EntryInput, into database: DatabaseAccess, in session: Session
    ) throws(StorageError) -> UInt64 {
        if mode == nil, try !database.isEmpty() {
            throw StorageError(
                .invalidArgument,
                "The database has entries; say --merge to keep them or --replace to drop them.",
                path: self.database)
        }
        let progress = Progress("Importing", in: session)
        defer { progress.finish() }
        return try database.importEntries(
            replacing: mode == .replace, progress: progress, entries)
    }
}
