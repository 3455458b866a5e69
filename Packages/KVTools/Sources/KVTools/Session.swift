import ArgumentParser
@_spi(Engine) import KVDB
import StorageIO

/// What one command runs with: its three streams, and whether it talks JSON.
final class Session {
    let input: any ByteInput
    let output: any ByteOutput
    let error: any ByteOutput
    let isJSON: Bool
    let limits: EntryLimits
    /// Whether it was a file that is read, not the database, that turned out to be damaged.
    var isInputAtFault = false
    /// The databases that the command works with.
    private var databases: [DatabaseFiles] = []

    init(
        input: any ByteInput, output: any ByteOutput, error: any ByteOutput, isJSON: Bool,
        limits: EntryLimits = .database
    ) {
        self.input = input
        self.output = output
        self.error = error
        self.isJSON = isJSON
        self.limits = limits
    }

    /// Whether a change that the command was to make is made, and durable.
    private var isDone = false

    /// Notes that the command works with the database at `path`, so that errors name its files as the
    /// command line does.
    ///
    /// - Throws: what makes the path one that no database can be at.
    func know(_ path: String) throws(StorageError) {
        databases.append(try Database.files(of: path))
    }

    /// An error with a database's files named as on the command line.
    func shown(_ error: StorageError) -> StorageError {
        var shown = error
        if let path = error.path {
            for database in databases {
                // Only where that name leads to the very file: a link's log stands elsewhere.
                let names = [
                    (database.data, database.given),
                    (database.log, DatabaseFiles.log(of: database.given)),
                ]
                for (name, given) in names where path == name {
                    if let found = try? Database.files(of: given), found.data == name {
                        shown.path = given
                    }
                }
            }
        }
        if let cause = error.cause { shown.cause = StorageError.Cause(self.shown(cause.error)) }
        return shown
    }

    /// Opens a database for the length of the call, and closes it whatever happens.
    ///
    /// When `body` has changed the database, that is done, and an error of closing it does not undo it.
    /// One that only says that the log can't be removed, as in a directory that may not be written, is
    /// told and no more: the next one that opens the database for writing takes care of it.
    ///
    /// - Parameter isDraft: whether something is left to do for the change to count.
    func withDatabase<Result>(
        _ path: String, _ mode: DatabaseAccess.Mode, isDraft: Bool = false,
        _ body: (DatabaseAccess) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        // What is wrong with the path, opening says in the words of the verb.
        try? know(path)
        let database = try DatabaseAccess(path: path, mode: mode)
        let result: Result
        do {
            result = try body(database)
        } catch {
            // The first error is the one to report.
            try? database.close()
            throw error
        }
        let isChange = mode != .read && !isDraft
        if isChange { isDone = true }
        do throws(StorageError) {
            try database.close()
        } catch {
            guard isChange, [.permissionDenied, .readOnly].contains(error.code) else { throw error }
            warn(error)
        }
        return result
    }

    /// Marks the command's work as done, whatever becomes of the report of it.
    func markDone() { isDone = true }

    /// Tells of an error that the command's work did not suffer from.
    private func warn(_ failure: StorageError) {
        let text =
            isJSON
            ? JSONValue.object([("warning", .object(members(failure)))]).text
            : "kvtools: Done, but: \(failure.description)"
        try? error.write(text + "\n")
    }

    private func members(_ failure: StorageError) -> [(name: String, value: JSONValue)] {
        var members: [(name: String, value: JSONValue)] = [
            ("code", .string(failure.codeName)), ("message", .string(failure.description)),
        ]
        if let path = failure.path { members.append(("path", .string(path))) }
        if let page = failure.page { members.append(("page", .unsigned(UInt64(page)))) }
        if let offset = failure.offset { members.append(("offset", .unsigned(offset))) }
        return members
    }

    /// Prints a JSON object on a line of its own.
    func print(_ members: [(name: String, value: JSONValue)]) throws(StorageError) {
        try output.write(JSONValue.object(members).text + "\n")
    }

    /// Prints a line to standard error, for a person; nothing under `--json`.
    ///
    /// One that can't be written is dropped: what the command did is done all the same, and its status
    /// says so.
    func note(_ text: String) {
        if !isJSON { try? error.write("kvtools: \(text)\n") }
    }

    /// Puts a question to the person at the terminal.
    func ask(_ question: String) { try? error.write("kvtools: \(question)") }

    /// The line that the person at the terminal types, without its end; empty when there is none.
    func readAnswer() throws(StorageError) -> String {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while answer.count < 1024, !answer.contains(UInt8(ascii: "\n")) {
            let count = try input.read(into: &buffer)
            if count == 0 { break }
            answer += buffer.prefix(count)
        }
        let line = answer.prefix { ![UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains($0) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Everything on standard input.
    ///
    /// - Parameter format: what it will be decoded by.
    /// - Throws: `valueTooLong` as soon as it is more than a value in that format.
    func readAllInput(as format: ByteFormat) throws(StorageError) -> [UInt8] {
        var all: [UInt8] = []
        var backslashes = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try input.read(into: &buffer)
            if count == 0 { return all }
            let piece = buffer.prefix(count)
            all += piece
            if format == .escaped {
                backslashes += piece.reduce(0) { $0 + ($1 == UInt8(ascii: "\\") ? 1 : 0) }
            }
            // Up to two bytes of a line end that is taken away.
            let least = format.leastByteCount(all.count, backslashes: backslashes) - 2
            guard least <= limits.valueByteCount else {
                throw StorageError(
                    .valueTooLong,
                    "The value on standard input has more than \(limits.valueByteCount) bytes, which "
                        + "is the most that a value may have.")
            }
        }
    }

    /// Reports an error on standard error and returns the status for it.
    ///
    /// An error that comes when the change is made already, as of a full disk under the output, says so.
    func report(_ failure: StorageError) -> CommandStatus {
        let status = CommandStatus(failure.code)
        var failure = shown(failure)
        if isDone { failure.message = "What was to be done is done, but: " + failure.message }
        var text = "kvtools: \(failure.description)\n"
        if let hint = hint(failure.code) { text += "kvtools: \(hint)\n" }
        if isJSON {
            var members = members(failure)
            members.insert(("exit_status", .integer(Int64(status.rawValue))), at: 1)
            if isDone { members.append(("done", .boolean(true))) }
            text = JSONValue.object([("error", .object(members))]).text + "\n"
        }
        // There is nowhere left to report that standard error doesn't work.
        try? error.write(text)
        return status
    }

    /// Prints what the argument parser has to say: help on standard output, an error on the other.
    func report(parserError: any Error) -> CommandStatus {
        let message = RootCommand.fullMessage(for: parserError)
        if RootCommand.exitCode(for: parserError).isSuccess {
            do throws(StorageError) {
                try output.write(message + "\n")
                try output.flush()
                return .success
            } catch {
                return error.isBrokenPipe ? .success : report(error)
            }
        }
        if isJSON {
            let short = RootCommand.message(for: parserError)
            return report(StorageError(.invalidArgument, short))
        }
        return reportWrongUsage(message)
    }

    /// Prints a text on standard error and returns the status of wrong usage.
    func reportWrongUsage(_ text: String) -> CommandStatus {
        try? error.write(text + "\n")
        return .usage
    }

    /// What the command can add to an error's own words.
    private func hint(_ code: StorageError.Code) -> String? {
        guard code == .damaged || code == .truncated, !isInputAtFault else { return nil }
        return
            "`kvtools verify` tells what is damaged in a database, `kvtools salvage` builds a new one "
            + "from the rest."
    }
}

/// A number and what it counts.
///
/// - Parameters:
///   - one: what one of them is called.
///   - many: what others are called; `one` with an s unless told otherwise.
func counted(_ count: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
    "\(count) " + (count == 1 ? one : many ?? one + "s")
}
