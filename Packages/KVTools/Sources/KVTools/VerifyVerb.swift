import ArgumentParser
@_spi(Engine) import KVDB
import StorageIO

/// `kvtools verify`
struct VerifyVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every page, link and count of the database, and its log.",
        discussion: """
            Exits with 3 when damage is found, and prints what, where, which keys are affected and \
            what to do next. Works on files that don't open, too.

            Examples:
              kvtools verify my.db
              kvtools verify my.db --json
            """)

    @Argument(help: "The database file.") var database: String
    @OptionGroup var output: OutputOptions

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        try session.know(database)
        var found = try verify(in: session)
        for index in found.findings.indices {
            found.findings[index].error = session.shown(found.findings[index].error)
        }
        // Of a file that is none of ours there is nothing to report.
        if let finding = found.findings.first, finding.kind == .file { throw finding.error }
        var report = Report()
        report.add("entries", found.entryCount)
        report.add("checked_pages", found.checkedPages)
        report.add("free_pages", found.freePages)
        report.add("pending_pages", found.pendingPages)
        report.add("log_records", found.logRecords)
        if session.isJSON {
            let problems = found.findings.map { JSONValue.string($0.sentence) }
            let findings = found.findings.map { $0.object(database) }
            var figures = Report()
            figures.add("ok", JSONValue.boolean(found.isSound))
            figures.add("problems", JSONValue.array(problems))
            figures.add("findings", JSONValue.array(findings))
            figures.add("finding_count", found.findingCount)
            figures.add(
                "spare_superblock_damaged", JSONValue.boolean(found.isSpareSuperblockDamaged))
            figures.add("log_cut", JSONValue.boolean(found.isLogCut))
            figures.members += report.members
            try figures.print(in: session)
        } else {
            for line in found.findings.flatMap({ $0.lines(database) }) {
                try session.output.write(line + "\n")
            }
            try report.print(in: session)
            if found.isSpareSuperblockDamaged {
                try session.output.write(
                    found.isSound
                        ? "note: one superblock is not whole, as a crash leaves it; the other one "
                            + "and the log make up for it, and the next checkpoint writes it anew.\n"
                        : "note: one superblock is not whole; all of this is about the other "
                            + "one.\n")
            }
            if found.isLogCut {
                try session.output.write(
                    "note: the log's file is no whole number of segments: it was cut, and then what "
                        + "was committed behind the cut is gone, or a crash came while it grew.\n")
            }
            let count = found.findingCount
            try session.output.write(
                count == 0 ? "No damage found.\n" : "Damage found in \(counted(count, "place")).\n")
        }
        return found.isSound ? .success : .damaged
    }

    /// The files first, as they are, for that works whatever is wrong with them. Only if nothing is,
    /// they are opened, and what the log leads to is verified as well.
    private func verify(in session: Session) throws(StorageError) -> VerificationReport {
        let progress = Progress("Checking pages", in: session)
        defer { progress.finish() }
        var report: VerificationReport
        do throws(StorageError) {
            report = try onlyStorageErrors {
                try Database.verify(at: database) { progress.step($0) }
            }
        } catch {
            throw DatabaseAccess.explained(error, path: database, mode: .read)
        }
        guard report.isSound else { return report }
        do throws(StorageError) {
            let isSpareDamaged = report.isSpareSuperblockDamaged
            let isLogCut = report.isLogCut
            report = try session.withDatabase(database, .read) { database throws(StorageError) in
                try database.verify(progress: progress)
            }
            // What opening made good is told all the same.
            if isSpareDamaged { report.isSpareSuperblockDamaged = true }
            report.isLogCut = isLogCut
            return report
        } catch {
            guard CommandStatus(error.code) == .damaged else { throw error }
            report.add(error)
            return report
        }
    }
}
