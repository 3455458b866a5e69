import Foundation

/// One row of the table in Docs/Testing.md: a kind of test whose cases are numbered.
package protocol Family: Sendable {
    /// Its name on the command line.
    static var name: String { get }
    /// What is counted.
    static var unit: String { get }
    /// How much `crashtest gate` runs.
    static var gate: Goal { get }
    /// How much `crashtest subset` runs.
    static var subset: Goal { get }

    /// Whether its workers must be of the build whose threads a scheduler runs (KVDB_SCHEDULES=1).
    static var isScheduled: Bool { get }

    init()

    /// Runs one case, the same each time for the same number.
    ///
    /// A case takes a twentieth of a second to ten seconds. It throws what it finds.
    func run(_ number: UInt64, _ account: inout Account) throws
}

extension Family {
    package static var isScheduled: Bool { false }

    /// The program that runs its cases: this one, or for scheduled families the one of the other
    /// build, which `Scripts/crashtest` makes and names.
    static var program: String {
        let other = ProcessInfo.processInfo.environment["KVDB_SCHEDULES_CRASHTEST"]
        return isScheduled ? other ?? CommandLine.arguments[0] : CommandLine.arguments[0]
    }
}

/// How much of a family is run.
package enum Goal: Sendable {
    /// Cases from 0 on, until that many units are counted.
    case units(Int)
    /// The cases from 0 up to this, each once: for what can be enumerated.
    case cases(Int)
}

/// What a case has done.
package struct Account: Sendable {
    /// The case looks at this step alone, nil for all.
    package let only: Int?
    /// Where the case is; printed with what it finds, and taken back as ``only``.
    package var step = 0
    /// How many of the family's unit were counted.
    package var units = 0
    /// Further counts by name. Those that begin with "skipped" are shown with a warning.
    package private(set) var notes: [String: Int] = [:]

    package init(only: Int? = nil) { self.only = only }

    /// Adds to a count.
    package mutating func note(_ name: String, _ count: Int = 1) {
        notes[name, default: 0] += count
    }

    /// Whether the case should look at `step`; makes it the current one.
    package mutating func enter(_ step: Int) -> Bool {
        if let only, only != step { return false }
        self.step = step
        return true
    }
}

/// What a case found.
package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
