import ArgumentParser
import KVDB
import StorageIO

/// `kvtools delete`
struct DeleteVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a key and its value.",
        discussion: """
            Durable when it returns. Exits with 1 when the key is not there.

            Examples:
              kvtools delete my.db greeting
              kvtools delete my.db apple --table price
            """)

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The key.") var key: String
    @Option(parsing: .unconditional, help: "Delete from this table instead of the default one.")
    var table = ""
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let key = try keys.decode(key)
        let deleted = try session.withDatabase(database, .write) { database throws(StorageError) in
            try database.delete(key, table: table)
        }
        if session.isJSON {
            let member = withByteView(of: key) { JSONValue.member("key", $0, keys.format) }
            try session.print([member, ("deleted", .boolean(deleted))])
        } else if !deleted {
            session.note(DatabaseAccess.missing(key, database, table: table))
        }
        return deleted ? .success : .notFound
    }
}
