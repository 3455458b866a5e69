import ArgumentParser
import KVDB
import StorageIO

/// `kvtools get`
struct GetVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print the value under a key.",
        discussion: """
            Without --value-format a terminal gets the value escaped, and a file or pipe exactly its \
            bytes. Exits with 1 when the key is not there.
            """)

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The key.") var key: String
    @OptionGroup var table: TableOptions
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let key = try keys.decode(key)
        let value = try session.withDatabase(database, .read) { database throws(StorageError) in
            try database.get(key, table: table.name)
        }
        if session.isJSON {
            var members = [key.withByteView { JSONValue.member("key", $0, keys.format) }]
            members.append(("found", .boolean(value != nil)))
            if let value {
                members.append(value.withByteView { JSONValue.member("value", $0, values.format) })
            }
            try session.print(members)
            return value == nil ? .notFound : .success
        }
        guard let value else {
            try session.note("The key is not in the database.")
            return .notFound
        }
        let terminal = session.output.isTerminal
        let format = values.format ?? (terminal ? .escaped : .text)
        try session.output.write(value.withByteView { format.encode($0) })
        // A file or pipe gets the value and nothing else, so that it can be put back as it was.
        if terminal || format != .text { try session.output.write("\n") }
        return .success
    }
}
