/// The second opinion on a history: the engine numbers its versions, so their order is known. Replayed
/// one after the other in it, every transaction must see exactly what it saw, and the numbers must
/// agree with real time.
public enum SerialReplay {
    /// The first contradiction; nil when there is none. O(n log n + what was read).
    public static func problem(in history: [ListTransaction]) -> String? {
        let numbered = history.indices
            .filter { history[$0].ending == .committed && history[$0].version != nil }
            .sorted { first, second in
                let a = history[first]
                let b = history[second]
                // Who made a version comes before who read it.
                return (a.version!, a.isWriter ? 0 : 1) < (b.version!, b.isWriter ? 0 : 1)
            }
        var lists: [Int: [Int]] = [:]
        var last: UInt64 = 0
        for index in numbered {
            let transaction = history[index]
            if transaction.isWriter {
                if transaction.version! <= last {
                    return "two transactions made version \(last), one is \(index): \(transaction)"
                }
                last = transaction.version!
            }
            for operation in transaction.operations {
                switch operation {
                case .append(let key, let element): lists[key, default: []].append(element)
                case .read(let key, let list):
                    if list != lists[key] ?? [] {
                        return "by version numbers list \(key) is \(lists[key] ?? []) for "
                            + "\(index): \(transaction)"
                    }
                }
            }
        }
        return timeProblem(history, numbered)
    }

    /// Versions only go forward: whoever begins after another's end has a version that is not older,
    /// and a newer one when it makes one.
    private static func timeProblem(_ history: [ListTransaction], _ numbered: [Int]) -> String? {
        let timed = numbered.filter { !history[$0].isRecovered }
        let ends = timed.sorted { history[$0].completed < history[$1].completed }
        var ended = 0
        var newest: (version: UInt64, index: Int) = (0, -1)
        for index in timed.sorted(by: { history[$0].invoked < history[$1].invoked }) {
            let transaction = history[index]
            while ended < ends.count, history[ends[ended]].completed < transaction.invoked {
                let version = history[ends[ended]].version!
                if version > newest.version { newest = (version, ends[ended]) }
                ended += 1
            }
            let isLate =
                transaction.isWriter
                ? transaction.version! <= newest.version : transaction.version! < newest.version
            if isLate && newest.index >= 0 {
                return "a version from before one that had ended:\n  \(newest.index): "
                    + "\(history[newest.index])\n  \(index): \(transaction)"
            }
        }
        return nil
    }
}

/// The third opinion, for small histories: looks for a serial order by trying (J. Wing and C. Gong,
/// "Testing and Verifying Concurrent Objects", 1993). It knows nothing of lists, orders and graphs.
public enum SerialSearch {
    private struct Place: Hashable {
        let done: UInt64
        let lists: [Int: [Int]]
    }

    /// Whether a serial order explains the history; at most 64 transactions, all of them committed or
    /// aborted. Exponential in how many run at once.
    public static func isExplained(_ history: [ListTransaction]) -> Bool {
        let history = history.filter { $0.ending == .committed }
        precondition(history.count <= 64, "A search takes at most 64 transactions.")
        let before = history.map { one in
            history.indices.reduce(UInt64(0)) {
                history[$1].completed < one.invoked ? $0 | 1 << UInt64($1) : $0
            }
        }
        var seen: Set<Place> = []
        var places = [Place(done: 0, lists: [:])]
        let all: UInt64 = history.count == 64 ? .max : (1 << UInt64(history.count)) - 1
        while let place = places.popLast() {
            if place.done == all { return true }
            for index in history.indices where place.done & (1 << UInt64(index)) == 0 {
                guard before[index] & ~place.done == 0,
                    let lists = run(history[index], on: place.lists)
                else { continue }
                let next = Place(done: place.done | 1 << UInt64(index), lists: lists)
                if seen.insert(next).inserted { places.append(next) }
            }
        }
        return false
    }

    /// What the lists are after `transaction`; nil when it could not have read what it did.
    private static func run(_ transaction: ListTransaction, on lists: [Int: [Int]]) -> [Int: [Int]]?
    {
        var lists = lists
        for operation in transaction.operations {
            switch operation {
            case .append(let key, let element): lists[key, default: []].append(element)
            case .read(let key, let list): if list != lists[key] ?? [] { return nil }
            }
        }
        return lists
    }
}
