import ArgumentParser
import StorageIO

/// What one command runs with: its three streams, and whether it talks JSON.
final class Session {
    let input: any ByteInput
    let output: any ByteOutput
    let error: any ByteOutput
    let isJSON: Bool

    init(
        input: any ByteInput, output: any ByteOutput, error: any ByteOutput, isJSON: Bool
    ) {
        self.input = input
        self.output = output
        self.error = error
        self.isJSON = isJSON
    }

    /// Opens a database for the length of the call, and closes it whatever happens.
    func withDatabase<Result>(
        _ path: String, _ mode: DatabaseAccess.Mode,
        _ body: (DatabaseAccess) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let database = try DatabaseAccess(path: path, mode: mode)
        let result: Result
        do {
            result = try body(database)
        } catch {
            // The first error is the one to report.
            try? database.close()
            throw error
        }
        try database.close()
        return result
    }

    /// Prints a JSON object on a line of its own.
    func print(_ members: [(name: String, value: JSONValue)]) throws(StorageError) {
        try output.write(JSONValue.object(members).text + "\n")
    }

    /// Prints a line to standard error, for a person; nothing under `--json`.
    func note(_ text: String) throws(StorageError) {
        if !isJSON { try error.write("kvtools: \(text)\n") }
    }

    /// Everything on standard input.
    ///
    /// - Throws: `valueTooLong` when it can't be a value in any format any more.
    func readAllInput() throws(StorageError) -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try input.read(into: &buffer)
            if count == 0 { return all }
            all += buffer.prefix(count)
            // Four characters a byte is the longest encoding of the longest value.
            guard all.count <= (1 << 32) + 65_536 else {
                throw StorageError(.valueTooLong, "The value is longer than 2^30 bytes.")
            }
        }
    }

    /// Reports an error on standard error and returns the status for it.
    func report(_ failure: StorageError) -> CommandStatus {
        let status = CommandStatus(failure.code)
        var text = "kvtools: \(failure.description)\n"
        if let hint = Self.hint(failure.code) { text += "kvtools: \(hint)\n" }
        if isJSON {
            var members: [(name: String, value: JSONValue)] = [
                ("code", .string(failure.codeName)),
                ("exit_status", .integer(Int64(status.rawValue))),
                ("message", .string(failure.description)),
            ]
            if let path = failure.path { members.append(("path", .string(path))) }
            if let page = failure.page { members.append(("page", .unsigned(UInt64(page)))) }
            if let offset = failure.offset { members.append(("offset", .unsigned(offset))) }
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
        try? error.write(message + "\n")
        return .usage
    }

    /// What the command can add to an error's own words.
    private static func hint(_ code: StorageError.Code) -> String? {
        switch code {
        case .damaged, .truncated:
            "`kvtools verify` tells what is damaged in a database, `kvtools salvage` builds a new one from "
                + "the rest."
        case .locked: "Wait until the other program has closed the database, or close it."
        default: nil
        }
    }
}
