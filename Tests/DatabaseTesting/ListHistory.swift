@_spi(Engine) import KVDB

/// One step of a transaction on lists: the history's only two operations (K. Kingsbury and P. Alvaro,
/// "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB 2020). As every element
/// is appended once, a list that was read tells the order of all appends to it.
public enum ListOperation: Sendable, Equatable {
    case append(key: Int, element: Int)
    case read(key: Int, list: [Int])
}

/// What one transaction did and saw.
public struct ListTransaction: Sendable {
    public enum Ending: Sendable {
        case committed, aborted
        /// Its commit threw: it may be there or not.
        case unknown
    }

    /// Who ran it.
    public var thread = 0
    /// Events of one counter: taken before the first call, and after the last returned.
    public var invoked = 0
    public var completed = Int.max
    public var ending = Ending.committed
    public var operations: [ListOperation] = []
    /// The engine's number: of the version that it made, or of the one that it read; nil when unknown.
    public var version: UInt64?
    /// Whether it is what a crash left instead of a transaction: then only `after` comes before it,
    /// and real time doesn't count.
    public var isRecovered = false
    /// Transactions that must come before it, by their index in the history.
    public var after: [Int] = []
    /// For messages and for crashes: what its commit waited for.
    public var durability: Database.Durability?

    public init() {}

    public var isWriter: Bool {
        operations.contains { if case .append = $0 { true } else { false } }
    }
}

extension ListTransaction: CustomStringConvertible {
    public var description: String {
        let steps = operations.map { operation in
            switch operation {
            case .append(let key, let element): return "append(\(key), \(element))"
            case .read(let key, let list):
                // What tells two long lists apart is at their ends.
                let shown = list.count > 8 ? "\(list.count) of them … \(list.suffix(6))" : "\(list)"
                return "read(\(key), \(shown))"
            }
        }
        let span = "\(invoked)…\(completed == .max ? "?" : "\(completed)")"
        return "thread \(thread), events \(span), version \(version.map(String.init) ?? "?"), "
            + "\(isRecovered ? "recovered" : "\(ending)")"
            + (durability.map { " at \($0)" } ?? "") + ": " + steps.joined(separator: ", ")
    }
}

/// Something in a history that no serial order explains.
public struct Anomaly: Sendable, CustomStringConvertible {
    /// The names are those of A. Adya, "Weak Consistency" (1999), and of Elle.
    public enum Kind: String, Sendable {
        case repeatedElement = "an element appended twice"
        case inconsistentRead = "internal: a transaction does not see itself"
        case incompatibleOrder = "two reads of one list that no order explains"
        case unknownElement = "garbage: an element that nobody appended"
        case abortedRead = "G1a: an aborted append was read"
        case intermediateRead = "G1b: an append was read that its own transaction covers"
        case lostAppend = "a committed append is not in the final list"
        case writeCycle = "G0: writes in a cycle"
        case informationCycle = "G1c: information flows in a cycle"
        case singleAntiCycle = "G-single: a cycle with one anti-dependency"
        case antiCycle = "G2: a cycle with anti-dependencies"
    }

    public let kind: Kind
    /// Whether the cycle needs real time: without clocks nobody could tell.
    public var isRealTime = false
    public let description: String

    init(_ kind: Kind, _ text: String, isRealTime: Bool = false) {
        self.kind = kind
        self.isRealTime = isRealTime
        description = kind.rawValue + (isRealTime ? ", by real time" : "") + "\n" + text
    }
}
