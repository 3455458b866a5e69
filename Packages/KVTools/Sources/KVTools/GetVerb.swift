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

            Examples:
              kvtools get my.db greeting
              kvtools get my.db picture > picture.png
              kvtools get my.db apple --table price --json
            """)

    @Argument(help: "The database file.") var database: String
    @Argument(help: "The key.") var key: String
    @Option(parsing: .unconditional, help: "Read this table instead of the default one.")
    var table = ""
    @OptionGroup var keys: KeyFormatOptions
    @OptionGroup var values: ValueFormatOptions
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let key = try keys.decode(key)
        let writer = TextWriter(session.output)
        let terminal = session.output.isTerminal
        let format = values.format ?? (terminal ? .escaped : .text)
        var value: [UInt8]?
        if !session.isJSON, format == .text || format == .hex {
            // These can be written portion by portion.
            let found = try session.withDatabase(database, .read) {
                database throws(StorageError) in
                try database.get(key, table: table) { portion throws(StorageError) in
                    try writer.write(portion, as: format)
                }
            }
            switch found {
            case .missing: break
            case .whole(let bytes): value = bytes
            case .lent:
                if terminal || format != .text { try writer.write("\n") }
                try writer.flush()
                return .success
            }
        } else {
            value = try session.withDatabase(database, .read) { database throws(StorageError) in
                try database.get(key, table: table)
            }
        }
        guard let value else {
            if session.isJSON {
                let member = withByteView(of: key) { JSONValue.member("key", $0, keys.format) }
                try session.print([member, ("found", .boolean(false))])
            } else {
                session.note(DatabaseAccess.missing(key, database, table: table))
            }
            return .notFound
        }
        try withByteView(of: key) { key throws(StorageError) in
            try withByteView(of: value) { value throws(StorageError) in
                try self.print(key, value, by: writer, in: session)
            }
        }
        try writer.flush()
        return .success
    }

    private func print(
        _ key: ByteView, _ value: ByteView, by writer: TextWriter, in session: Session
    ) throws(StorageError) {
        if session.isJSON {
            try writer.write("{")
            try writer.writeMember("key", key, keys.format)
            try writer.write(",\"found\":true,")
            try writer.writeMember("value", value, values.format)
            return try writer.write("}\n")
        }
        let terminal = session.output.isTerminal
        let format = values.format ?? (terminal ? .escaped : .text)
        try writer.write(value, as: format)
        // A file or pipe gets the value and nothing else, so that it can be put back as it was.
        if terminal || format != .text { try writer.write("\n") }
    }
}
