import ArgumentParser
import KVDB
import StorageIO

/// `kvtools list`
struct ListVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print entries in key order: key, tab, value.",
        discussion: """
            Keys and values are escaped unless their formats say otherwise, so what is printed can be \
            imported again as tab-separated text, and with --json as newline-delimited JSON.
            """)

    @Argument(help: "The database file.") var database: String
    @Option(help: "Only keys that begin with this.") var prefix: String?
    @Option(help: "Only keys from this one on.") var from: String?
    @Option(help: "Only keys before this one.") var to: String?
    @Option(help: "At most so many entries.") var limit: UInt64?
    @Flag(help: "From the last key to the first.") var reverse = false
    @Flag(help: "Print keys only.") var keysOnly = false
    @OptionGroup var table: TableOptions
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let range = try range()
        var left = range.isEmpty ? 0 : limit ?? .max
        try session.withDatabase(database, .read) { database throws(StorageError) in
            if left == 0 { return }
            try database.forEach(in: range, table: table.name, reverse: reverse) {
                key, value throws(StorageError) in
                try self.print(key, value, in: session)
                left -= 1
                return left > 0
            }
        }
        return .success
    }

    private func print(
        _ key: ByteView, _ value: ByteView, in session: Session
    ) throws(StorageError) {
        if session.isJSON {
            var members = [JSONValue.member("key", key, keys.format)]
            if !keysOnly { members.append(JSONValue.member("value", value, values.format)) }
            return try session.print(members)
        }
        try session.output.write((keys.format ?? .escaped).encode(key))
        if !keysOnly {
            try session.output.write("\t")
            try session.output.write((values.format ?? .escaped).encode(value))
        }
        try session.output.write("\n")
    }

    /// The keys that all of prefix, from and to allow.
    private func range() throws(StorageError) -> KeyRange {
        var range = KeyRange()
        if let from { range.from = try keys.decode(from) }
        if let to { range.to = try keys.decode(to) }
        if let prefix { range = range.intersection(.prefix(try keys.decode(prefix))) }
        return range
    }
}
