import ArgumentParser
import StorageIO

/// `kvtools verify`
struct VerifyVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every page, link and count of the database, and its log.",
        discussion: "Exits with 3 when damage is found, and prints what and where.")

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let outcome = try session.withDatabase(database, .read) { database throws(StorageError) in
            let progress = Progress("Checking pages", in: session)
            defer { progress.finish() }
            return try database.verify(progress: progress)
        }
        if session.isJSON {
            let problems = outcome.problems.map { JSONValue.string($0) }
            try session.print(
                [("ok", .boolean(outcome.problems.isEmpty)), ("problems", .array(problems))]
                    + outcome.report.members)
        } else {
            for problem in outcome.problems { try session.output.write("damage: \(problem)\n") }
            try outcome.report.print(in: session)
            let count = outcome.problems.count
            try session.output.write(
                count == 0 ? "No damage found.\n" : "Damage found in \(count) places.\n")
        }
        return outcome.problems.isEmpty ? .success : .damaged
    }
}
