import Foundation

/// The seeds of a random test: the one named by the environment, else the first few numbers.
enum Seeds {
    private static let named = ProcessInfo.processInfo.environment["KVDB_SEED"].flatMap(UInt64.init)

    /// Whether a single seed is run again.
    static var isSingle: Bool { named != nil }

    static func list(count: Int) -> [UInt64] {
        if let named { return [named] }
        return (1...UInt64(count)).map { $0 }
    }
}
