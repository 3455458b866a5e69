import Foundation

/// A whole number from the environment, or the default.
public func environmentNumber(_ name: String, default value: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? value
}

/// The seeds of a random test: the one in `KVDB_SEED`, or as many as the variable `count` says, from 0.
public func environmentSeeds(count name: String, default count: Int) -> [UInt64] {
    if let seed = ProcessInfo.processInfo.environment["KVDB_SEED"].flatMap(UInt64.init) {
        return [seed]
    }
    return (0..<UInt64(environmentNumber(name, default: count))).map { $0 }
}
