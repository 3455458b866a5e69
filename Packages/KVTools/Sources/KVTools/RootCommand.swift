import ArgumentParser
import StorageIO

/// The root of the command: it only knows the verbs.
struct RootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kvtools",
        abstract: "Read, change, check, repair, export and import KVDB databases.",
        usage: "kvtools <verb> <database> ...\nkvtools <database> <verb> ...",
        discussion: """
            Examples:
              kvtools put my.db greeting hello      creates my.db
              kvtools get my.db greeting
              kvtools list my.db --prefix gr
              kvtools export my.db my.tkdb

            Exit status: 0 fine, 1 not found, 3 damage found, 4 locked, 5 input or output failed, \
            6 format too new, 64 wrong usage.
            """,
        version: "unreleased: no version is tagged yet, and formats may change",
        subcommands: [
            PutVerb.self, GetVerb.self, DeleteVerb.self, ListVerb.self, StatsVerb.self,
            CompactVerb.self, VerifyVerb.self, InspectVerb.self, ExportVerb.self, ImportVerb.self,
            SalvageVerb.self, BenchVerb.self,
        ])

    /// The names of all verbs, and of the parser's own.
    static let verbs =
        configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]

    /// The verbs that take keys and values as words, and what the words after the database are.
    static let bytePlaces = ["put": ["key", "value"], "get": ["key"], "delete": ["key"]]

    /// The options of those verbs that are followed by a word.
    static let optionsWithWord: Set = ["--table", "--key-format", "--value-format"]
}

/// One verb of the command.
protocol Verb: ParsableCommand {
    /// Whether output that could not be written whole is a failure, and not just a reader that has
    /// seen enough.
    var needsWholeOutput: Bool { get }

    /// Does it.
    ///
    /// - Throws: whatever the database or a file throws; the caller reports it.
    func run(in session: Session) throws(StorageError) -> CommandStatus
}

extension Verb {
    var needsWholeOutput: Bool { false }
}

/// `--json`, which every verb has.
struct OutputOptions: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON, one object a line.")
    var isJSON = false
}

/// `--key-format`.
struct KeyFormatOptions: ParsableArguments {
    @Option(
        name: .customLong("key-format"), parsing: .unconditional,
        help: "How keys are given and printed: text, escaped, hex or base64.")
    var format: ByteFormat?

    /// The bytes of a key that was given as an argument: text unless told otherwise.
    func decode(_ argument: String) throws(StorageError) -> [UInt8] {
        do {
            return try (format ?? .text).decode(Array(argument.utf8))
        } catch {
            throw StorageError(error.code, "The key \(argument): \(error.message)")
        }
    }
}

/// `--value-format`.
struct ValueFormatOptions: ParsableArguments {
    @Option(
        name: .customLong("value-format"), parsing: .unconditional,
        help: "How values are given and printed: text, escaped, hex or base64.")
    var format: ByteFormat?

    /// The bytes of a value given as an argument, or by `-` on standard input.
    func decode(_ argument: String, in session: Session) throws(StorageError) -> [UInt8] {
        let format = format ?? .text
        var text = Array(argument.utf8)
        if argument == "-" {
            text = try session.readAllInput(as: format)
            // In the encodings a line end is never part of the value; in text it is.
            if format != .text {
                while let last = text.last, [0x0A, 0x0D].contains(last) { text.removeLast() }
            }
        }
        do {
            return try format.decode(text)
        } catch {
            throw StorageError(error.code, "The value: \(error.message)")
        }
    }
}
