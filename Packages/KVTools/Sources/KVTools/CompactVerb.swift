import ArgumentParser
import StorageIO

/// `kvtools compact`
struct CompactVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Make the database file as small as its content allows.",
        discussion: "A crash at any point leaves the database as it was or as it will be.")

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let report = try session.withDatabase(database, .write) { database throws(StorageError) in
            let progress = Progress("Compacting", in: session)
            defer { progress.finish() }
            return try database.compact(progress: progress)
        }
        try report.print(in: session)
        return .success
    }
}
