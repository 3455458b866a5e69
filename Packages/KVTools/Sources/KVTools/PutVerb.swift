import ArgumentParser
import KVDB
import StorageIO

/// `kvtools put`
struct PutVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Store a value under a key.",
        discussion: """
            Creates the database when there is none. Durable when it returns.

            Examples:
              kvtools put my.db greeting hello
              kvtools put my.db picture - < picture.png
              kvtools put my.db apple 1.20 --table price
              kvtools put my.db 00ff -5 --key-format hex
            """)

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The key.") var key: String
    @Argument(help: "The value, or - to read it from standard input.") var value: String
    @Option(
        parsing: .unconditional,
        help: "Write to this table instead of the default one; it is created when there is none.")
    var table = ""
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        // Before the value is read and before a database is created.
        let key = try keys.decode(key)
        try session.limits.check(key: key.count)
        try session.limits.check(table: table)
        let count: Int
        if value == "-", values.format ?? .text == .text {
            // As it comes, in constant memory.
            let value = try SpooledValue(
                session.input, beside: database, limits: session.limits)
            try session.withDatabase(database, .writeCreating) { database throws(StorageError) in
                try database.put(key, value, table: table)
            }
            count = value.count
        } else {
            let value = try values.decode(value, in: session)
            try session.limits.check(value: value.count)
            try session.withDatabase(database, .writeCreating) { database throws(StorageError) in
                try database.put(key, value, table: table)
            }
            count = value.count
        }
        if session.isJSON {
            let member = withByteView(of: key) { JSONValue.member("key", $0, keys.format) }
            try session.print([
                member, ("value_bytes", .integer(Int64(count))), ("stored", .boolean(true)),
            ])
        }
        return .success
    }
}
