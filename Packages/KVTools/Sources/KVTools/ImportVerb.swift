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
            --replace to drop them; on a terminal the command asks.

            Examples:
              kvtools import new.db my.tkdb
              kvtools import my.db prices.tsv --merge
              kvtools export my.db | kvtools import copy.db -
              kvtools import my.db - --input-format ndjson --replace < entries
            """)

    /// What happens to the entries that are there.
    enum Mode: String, EnumerableFlag {
        case merge, replace

        static func help(for value: Mode) -> ArgumentHelp? {
            switch value {
            case .merge: "Keep the entries that are there, but for those that the input has anew."
            case .replace: "Drop all that is there."
            }
        }
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
        let entries = try LocatedEntryInput(name, in: session) { () throws(StorageError) in
            try ImportFormat.open(
                input, name: isStandard ? "" : file, format: inputFormat, keyFormat: keys.format,
                valueFormat: values.format, limits: session.limits)
        }
        let done: DatabaseAccess.Imported
        var mode = mode
        if try POSIXFileSystem().exists(database) {
            // To read only, so that an import that is refused does not touch the file.
            if mode == nil { mode = try chooseMode(in: session) }
            done = try session.withDatabase(database, .write) { database throws(StorageError) in
                try self.load(entries, into: database, mode, in: session) {}
            }
        } else {
            // A new database gets its name when all is in it, so that an import that fails or is
            // killed leaves none.
            done = try DatabaseAccess.create(database) { draft, check throws(StorageError) in
                try session.withDatabase(draft, .writeCreating, isDraft: true) {
                    database throws(StorageError) in
                    try self.load(entries, into: database, mode, in: session, check: check)
                }
            }
            session.markDone()
        }
        if session.isJSON {
            try session.print([
                ("entries", .unsigned(done.read)), ("new_entries", .unsigned(done.new)),
                ("mode", .string(mode?.rawValue ?? "new")), ("input", .string(file)),
            ])
        } else {
            let replaced = done.read - done.new
            session.note(
                "Imported \(counted(done.read, "entry", "entries")) from \(name)"
                    + (replaced > 0
                        ? ": \(done.new) new, \(replaced) in place of one with the same key." : ".")
            )
        }
        return .success
    }

    /// What to do with the entries of the database; nil when it has none.
    ///
    /// - Throws: `invalidArgument` when it has some and nobody can be asked, or the answer is neither.
    private func chooseMode(in session: Session) throws(StorageError) -> Mode? {
        let count = try session.withDatabase(database, .read) { database throws(StorageError) in
            try database.isEmpty() ? nil : try database.entryCount()
        }
        guard let count else { return nil }
        guard session.input.isTerminal, session.error.isTerminal, !session.isJSON, file != "-"
        else {
            throw hasEntries
        }
        session.ask(
            "\(database) has \(counted(count, "entry", "entries")). Replace them (r), merge (m), or "
                + "stop (Enter)? ")
        switch try session.readAnswer().lowercased() {
        case "r", "replace": return .replace
        case "m", "merge": return .merge
        default: throw StorageError(.invalidArgument, "Nothing was imported.", path: database)
        }
    }

    private var hasEntries: StorageError {
        StorageError(
            .invalidArgument,
            "The database has entries; say --merge to keep them or --replace to drop them.",
            path: database)
    }

    private func load(
        _ entries: any EntryInput, into database: DatabaseAccess, _ mode: Mode?,
        in session: Session, check: () throws(StorageError) -> Void
    ) throws(StorageError) -> DatabaseAccess.Imported {
        // Since it was looked at, somebody may have put something in.
        if mode == nil, try !database.isEmpty() {
            throw hasEntries
        }
        let progress = Progress("Importing", in: session)
        defer { progress.finish() }
        return try database.importEntries(
            replacing: mode == .replace, progress: progress, entries, check: check)
    }
}
