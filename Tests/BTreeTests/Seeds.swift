import Foundation

/// The seeds of a random test: the one named by the environment, else the first few numbers.
enum Seeds {
    static func list(count: Int) -> [UInt64] {
        if let text = ProcessInfo.processInfo.environment["KVDB_SEED"], let seed = UInt64(text) {
            return [seed]
        }
        return (1...UInt64(count)).map { $0 }
    }
}
