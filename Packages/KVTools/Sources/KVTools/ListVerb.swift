import ArgumentParser
import KVDB
import StorageIO

/// `kvtools list`
struct ListVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print entries in key order: key, tab, value.",
        discussion: """
            Keys and values are escaped unless their formats say otherwise. In a file or pipe a line of \
            which something had to be escaped ends with a tab and \\escaped, so that `kvtools import` \
            reads it back as tab-separated text; with --json as newline-delimited JSON.

            Examples:
              kvtools list my.db --prefix user/ --limit 10
              kvtools list my.db --from a --to b --keys-only
              kvtools list my.db --table price --reverse
              kvtools list my.db --json > my.ndjson
            """)

    @Argument(help: "The database file.") var database: String
    @Option(parsing: .unconditional, help: "Only keys that begin with this.") var prefix: String?
    @Option(parsing: .unconditional, help: "Only keys from this one on.") var from: String?
    @Option(parsing: .unconditional, help: "Only keys before this one.") var to: String?
    @Option(parsing: .unconditional, help: "At most so many entries.") var limit: UInt64?
    @Flag(help: "From the last key to the first.") var reverse = false
    @Flag(help: "Print keys only; no value is read.") var keysOnly = false
    @Option(parsing: .unconditional, help: "List this table instead of the default one.")
    var table = ""
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let range = try range()
        let printer = EntryPrinter(
            keys: keys.format, values: values.format, isJSON: session.isJSON,
            marksEscaped: !session.output.isTerminal, to: session.output)
        var left = range.isEmpty ? 0 : limit ?? .max
        try session.withDatabase(database, .read) { database throws(StorageError) in
            // A table that is not there is told also when nothing would be printed.
            try database.requireTable(table)
            if left == 0 { return }
            if keysOnly {
                try database.forEachKey(in: range, table: table, reverse: reverse) {
                    key throws(StorageError) in
                    try printer.print(key)
                    left -= 1
                    return left > 0
                }
            } else {
                try database.forEach(in: range, table: table, reverse: reverse) {
                    key, value throws(StorageError) in
                    try printer.print(key, value)
                    left -= 1
                    return left > 0
                }
            }
        }
        try printer.flush()
        return .success
    }

    /// The keys that all of prefix, from and to allow.
    private func range() throws(StorageError) -> KeyRange {
        var range = KeyRange()
        if let from { range.lowerBound = try keys.decode(from) }
        if let to { range.upperBound = try keys.decode(to) }
        if let prefix { range = range.intersection(.prefix(try keys.decode(prefix))) }
        return range
    }
}
