import ArgumentParser
import StorageIO

/// `kvtools inspect`
struct InspectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print the database's structure: root, height, page kinds, fill.",
        discussion: """
            Reads every page, so it takes as long as the database is large.

            Examples:
              kvtools inspect my.db
              kvtools inspect my.db --json
            """)

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let report = try session.withDatabase(database, .read) { database throws(StorageError) in
            try database.inspect()
        }
        try report.print(in: session)
        return .success
    }
}
