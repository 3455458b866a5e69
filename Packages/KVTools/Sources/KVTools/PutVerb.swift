import ArgumentParser
import KVDB
import StorageIO

/// `kvtools put`
struct PutVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Store a value under a key.",
        discussion: "Creates the database when there is none. Durable when it returns.")

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The key.") var key: String
    @Argument(help: "The value, or - to read it from standard input.") var value: String
    @OptionGroup var table: TableOptions
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let key = try keys.decode(key)
        let value = try values.decode(value, in: session)
        try session.withDatabase(database, .writeCreating) { database throws(StorageError) in
            try database.put(key, value, table: table.name)
        }
        if session.isJSON {
            let member = key.withByteView { JSONValue.member("key", $0, keys.format) }
            try session.print([
                member, ("value_bytes", .integer(Int64(value.count))), ("stored", .boolean(true)),
            ])
        }
        return .success
    }
}
