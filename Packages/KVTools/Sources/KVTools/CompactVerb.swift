import ArgumentParser
import StorageIO

/// `kvtools compact`
struct CompactVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Make the database file as small as its content allows.",
        discussion: """
            A crash at any point leaves the database as it was or as it will be. The sizes printed are \
            those of the closed file.

            Examples:
              kvtools compact my.db
              kvtools compact my.db --json
            """)

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        // An open database has room that it gives back when it is closed, so the file itself is
        // measured.
        let before = DatabaseAccess.byteCount(database)
        var report = try session.withDatabase(database, .write) { database throws(StorageError) in
            let progress = Progress("Compacting", in: session)
            defer { progress.finish() }
            return try database.compact(progress: progress)
        }
        let after = DatabaseAccess.byteCount(database)
        report.members.insert(
            contentsOf: [
                ("before_bytes", .unsigned(before)), ("after_bytes", .unsigned(after)),
            ], at: 0)
        try report.print(in: session)
        return .success
    }
}
