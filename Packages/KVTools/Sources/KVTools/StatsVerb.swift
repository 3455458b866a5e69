import ArgumentParser
import StorageIO

/// `kvtools stats`
struct StatsVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Print the database's figures: entries, sizes, pages.",
        discussion: """
            Entries are those of all tables. No entry is read, so it is quick whatever the size.

            Examples:
              kvtools stats my.db
              kvtools stats my.db --json
            """)

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let report = try session.withDatabase(database, .read) { database throws(StorageError) in
            try database.statistics()
        }
        try report.print(in: session)
        return .success
    }
}
