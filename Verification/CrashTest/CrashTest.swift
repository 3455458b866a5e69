import ArgumentParser
import PageStore

/// The command line.
@main
struct CrashTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crashtest",
        abstract: "Tests the database against crashes, faults, hostile files and itself.",
        discussion: """
            Every test is a numbered case of a family, and repeats exactly by its number. \
            Docs/Testing.md says what each family covers and what it doesn't.
            """,
        subcommands: [
            ListCommand.self, RunCommand.self, GateCommand.self, SubsetCommand.self,
            SoakCommand.self, WorkerCommand.self,
            ChildCommand.self, SituationCommand.self,
        ])

    static func main() {
        InvariantChecks.turnOn()
        main(nil)
    }
}
