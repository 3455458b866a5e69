import ArgumentParser
import KVDB
import StorageIO

/// `kvtools salvage`
struct SalvageVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "salvage",
        abstract: "Build a new database from what can be read of a damaged one.",
        discussion: """
            Only reads the damaged database and its log. The new database must not exist yet. Exits \
            with 0 when everything came back, and with 3 when something is missing or not sure; the \
            new database is there in both cases.

            Examples:
              kvtools salvage my.db new.db
              kvtools salvage my.db new.db --report lost.json
              kvtools salvage my.db sure.db --no-uncertain
            """)

    @Argument(help: "The damaged database file.") var database: String
    @Argument(help: "The new database file.") var target: String
    @Flag(
        inversion: .prefixedNo,
        help: "Write entries too that may be out of date or whose table had to be guessed.")
    var uncertain = true
    @Option(help: "Write what came back and what didn't to this new file, as JSON.")
    var report: String?
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        try session.know(database)
        try session.know(target)
        // Begun before the work, which nobody wants to do again because of it.
        let file = try report.map(openReport)
        var options = SalvageOptions()
        options.includesUncertain = uncertain
        if report != nil || session.isJSON { options.lossLimit = 100_000 }
        var done = try salvage(options, in: session)
        session.markDone()
        done.logDamage = done.logDamage.map(session.shown)
        let account = SalvageAccount(done)
        if let file {
            try file.write(JSONValue.object(account.members).text + "\n")
            try file.commit()
        }
        if session.isJSON {
            try session.print(account.members)
        } else {
            for line in account.lines { try session.output.write(line + "\n") }
        }
        return done.isComplete ? .success : .damaged
    }

    /// A file that never takes the place of another, nor of one that either database may have.
    private func openReport(
        _ report: String
    ) throws(StorageError) -> OutputFile<POSIXFileSystem> {
        let files = POSIXFileSystem()
        guard try !files.exists(report) else {
            // Whatever is there, it may be all that is left of the database.
            throw StorageError(
                .fileExists, "The report needs a new file of its own; choose another name.",
                path: report)
        }
        for path in [database, target] {
            guard try Database.files(of: path).conflict(with: report) != nil else { continue }
            throw StorageError(
                .invalidArgument,
                "The report would take the place of a file of a database; choose another name.",
                path: report)
        }
        return try OutputFile(path: report, on: files, replacing: false)
    }

    /// What is going on in a phase of a salvage.
    private static func action(in phase: Database.Progress.Phase) -> String {
        switch phase {
        case .walking: "Following the trees, pages"
        case .scanning: "Reading all pages"
        case .writing: "Writing the new database, pages"
        default: "Checking the new database, pages"
        }
    }

    private func salvage(
        _ options: SalvageOptions, in session: Session
    ) throws(StorageError) -> SalvageReport {
        let progress = Progress("Salvaging", in: session)
        defer { progress.finish() }
        return try onlyStorageErrors {
            try Database.salvage(from: database, to: target, options: options) {
                progress.step($0, Self.action(in: $0.phase))
            }
        }
    }
}
