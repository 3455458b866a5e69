import Foundation

/// The six core workloads of the Yahoo cloud serving benchmark (Cooper and others, 2010).
public enum CloudServingMix: String, CaseIterable, Sendable {
    case a, b, c, d, e, f

    /// What one operation is.
    enum Operation {
        case read, update, insert, scan, readModifyWrite
    }

    /// What the mix is, in a few words.
    var title: String {
        switch self {
        case .a: "half reads, half updates"
        case .b: "95 % reads, 5 % updates"
        case .c: "reads only"
        case .d: "95 % reads of the newest, 5 % inserts"
        case .e: "95 % short scans, 5 % inserts"
        case .f: "half reads, half read-modify-writes"
        }
    }

    /// The operation for a number from 0 to below 1.
    @inline(__always)
    func operation(_ fraction: Double) -> Operation {
        switch self {
        case .a: fraction < 0.5 ? .read : .update
        case .b: fraction < 0.95 ? .read : .update
        case .c: .read
        case .d: fraction < 0.95 ? .read : .insert
        case .e: fraction < 0.95 ? .scan : .insert
        case .f: fraction < 0.5 ? .read : .readModifyWrite
        }
    }
}

/// Numbers below `count` of which the small ones come most often: number i with a probability in
/// proportion to 1 / (i + 1)^0.99 (Gray and others, "Quickly generating billion-record synthetic
/// databases", 1994, as YCSB has it).
public struct Zipfian: Sendable {
    /// The exponent that YCSB uses.
    public static let exponent = 0.99

    /// How many numbers there are.
    public let count: UInt64
    private let zeta: Double
    private let alpha: Double
    private let eta: Double
    private let secondLimit: Double

    /// O(count): the sum that probabilities are shares of is added up.
    public init(count: Int) {
        let theta = Self.exponent
        self.count = UInt64(max(1, count))
        var sum = 0.0
        for rank in 1...max(1, count) { sum += pow(Double(rank), -theta) }
        zeta = sum
        alpha = 1 / (1 - theta)
        secondLimit = 1 + pow(0.5, theta)
        eta = (1 - pow(2 / Double(max(1, count)), 1 - theta)) / (1 - secondLimit / zeta)
    }

    /// The share that number `rank` has.
    public func probability(_ rank: UInt64) -> Double {
        pow(Double(rank + 1), -Self.exponent) / zeta
    }

    /// The next number.
    @inline(__always)
    public func next(_ random: inout Random) -> UInt64 {
        let fraction = random.nextFraction()
        let share = fraction * zeta
        if share < 1 { return 0 }
        if share < secondLimit { return min(1, count - 1) }
        let rank = Double(count) * pow(eta * fraction - eta + 1, alpha)
        return min(count - 1, UInt64(rank))
    }

    /// The next number, with the frequent ones spread over all instead of next to each other.
    @inline(__always)
    public func nextScattered(_ random: inout Random) -> UInt64 {
        Keys.permuted(next(&random) &+ 1) % count
    }
}
