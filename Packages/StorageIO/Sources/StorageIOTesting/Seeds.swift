import Foundation

/// The seeds of random tests: the first few numbers, unless the environment says otherwise.
///
/// `KVDB_SEED=7` runs seed 7 alone, in every test that draws by seeds; `KVDB_SEEDS=1000` runs the first
/// thousand of each.
public enum Seeds {
    /// The one seed that is asked for, nil for the first few.
    public static var chosen: UInt64? { number("KVDB_SEED") }

    /// The seeds that a test runs: `count` of them unless the environment says otherwise.
    public static func first(_ count: Int) -> [UInt64] {
        if let chosen { return [chosen] }
        return Array(0..<(number("KVDB_SEEDS") ?? UInt64(count)))
    }

    /// The line that runs the calling test's file again with this seed alone, for a finding's comment.
    public static func again(_ seed: UInt64, _ file: String = #fileID) -> String {
        // "BTreeTests/SpreadTests.swift", where a suite may go on in "SpreadTests+More.swift".
        let parts = file.split(separator: "/")
        let suite = parts.last?.split(whereSeparator: { $0 == "." || $0 == "+" }).first ?? ""
        return "Run it again: KVDB_SEED=\(seed) swift test --filter \(parts.first ?? "").\(suite)"
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }
}
