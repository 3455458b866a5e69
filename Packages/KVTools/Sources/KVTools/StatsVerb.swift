import ArgumentParser
import StorageIO

/// `kvtools stats`
struct StatsVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Print the database's figures: entries, sizes, pages.")

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
