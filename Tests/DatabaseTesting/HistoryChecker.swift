/// Says whether a history of transactions on lists is strictly serializable: whether some serial
/// order of them, in which none comes before one that had ended when it began, explains all that was
/// read.
///
/// The longest read of each list tells the order of its versions. From it follow the dependencies:
/// who appended next (write), who read an append (read), who appended after what was read (anti),
/// and who began after the other's end (time). A cycle refutes every serial order. Where a final
/// read of every list is part of the history, the orders are whole, and no cycle means that a serial
/// order exists; without it, appends that nobody read are not judged.
///
/// Of aborted transactions only their appends count, which nobody may read.
public struct HistoryChecker {
    private let history: [ListTransaction]
    /// Who appended an element to a list, and whether it was that transaction's last to it.
    private var appends: [Element: (transaction: Int, isLast: Bool)] = [:]
    /// Each list's longest read.
    private var orders: [Int: [Int]] = [:]
    private var anomalies: [Anomaly] = []

    private struct Element: Hashable {
        let key: Int
        let element: Int
    }

    /// What a transaction saw of a list from without: what it read, less its own appends.
    private struct Observation {
        let transaction: Int
        let key: Int
        let list: ArraySlice<Int>
    }

    /// Everything that is wrong with `history`; empty when nothing is. Of the cycles only one.
    ///
    /// - Parameter isComplete: whether the last transaction read every list after all others ended.
    public static func check(_ history: [ListTransaction], isComplete: Bool) -> [Anomaly] {
        var checker = HistoryChecker(history)
        checker.gatherAppends()
        let observations = checker.gatherObservations()
        checker.checkElements(observations)
        if isComplete { checker.checkFinal() }
        if checker.anomalies.isEmpty { checker.checkCycles(observations) }
        return checker.anomalies
    }

    private init(_ history: [ListTransaction]) { self.history = history }

    private mutating func report(_ kind: Anomaly.Kind, _ text: String, _ transactions: Int...) {
        let lines = transactions.map { "  \($0): \(history[$0])" }
        anomalies.append(Anomaly(kind, ([text] + lines).joined(separator: "\n")))
    }

    // MARK: What was appended and read

    private mutating func gatherAppends() {
        for (index, transaction) in history.enumerated() {
            var last: [Int: Element] = [:]
            for case .append(let key, let element) in transaction.operations {
                let element = Element(key: key, element: element)
                if let other = appends[element] {
                    report(.repeatedElement, "\(element)", other.transaction, index)
                }
                appends[element] = (index, false)
                last[key] = element
            }
            for element in last.values { appends[element]!.isLast = true }
        }
    }

    /// Checks each transaction against itself, and finds the longest read of each list.
    private mutating func gatherObservations() -> [Observation] {
        var observations: [Observation] = []
        for (index, transaction) in history.enumerated() where transaction.ending != .aborted {
            var first: [Int: ArraySlice<Int>] = [:]
            var own: [Int: [Int]] = [:]
            for operation in transaction.operations {
                switch operation {
                case .append(let key, let element): own[key, default: []].append(element)
                case .read(let key, let list):
                    let mine = own[key] ?? []
                    guard list.suffix(mine.count).elementsEqual(mine) else {
                        report(.inconsistentRead, "list \(key) without \(mine)", index)
                        continue
                    }
                    let seen = list.dropLast(mine.count)
                    if let before = first[key] {
                        if before != seen {
                            report(.inconsistentRead, "list \(key) read twice", index)
                        }
                        continue
                    }
                    first[key] = seen
                    // Its own appends come behind, and nowhere else.
                    let isEarly = seen.contains {
                        appends[Element(key: key, element: $0)]?.transaction == index
                    }
                    if isEarly { report(.inconsistentRead, "list \(key) before its time", index) }
                    observations.append(
                        Observation(transaction: index, key: key, list: seen))
                    if seen.count >= (orders[key] ?? []).count { orders[key] = Array(seen) }
                    // What it has read of its own counts for the order, once it is committed.
                    if transaction.ending == .committed, list.count > (orders[key] ?? []).count {
                        orders[key] = list
                    }
                }
            }
        }
        return observations
    }

    private mutating func checkElements(_ observations: [Observation]) {
        for one in observations {
            if !orders[one.key]!.starts(with: one.list) {
                report(
                    .incompatibleOrder, "list \(one.key): \(one.list) and \(orders[one.key]!)",
                    one.transaction)
            }
            guard let last = one.list.last,
                let append = appends[Element(key: one.key, element: last)]
            else { continue }
            if !append.isLast && append.transaction != one.transaction {
                report(
                    .intermediateRead, "list \(one.key), \(last)", append.transaction,
                    one.transaction)
            }
        }
        for (key, order) in orders {
            if Set(order).count < order.count {
                report(.repeatedElement, "list \(key) holds one twice: \(order)")
            }
            for element in order {
                guard let append = appends[Element(key: key, element: element)] else {
                    report(.unknownElement, "\(element) in list \(key)")
                    continue
                }
                if history[append.transaction].ending == .aborted {
                    report(.abortedRead, "\(element) in list \(key)", append.transaction)
                }
            }
        }
    }

    private mutating func checkFinal() {
        for (element, append) in appends
        where history[append.transaction].ending == .committed
            && !(orders[element.key] ?? []).contains(element.element)
        {
            report(.lostAppend, "\(element.element) of list \(element.key)", append.transaction)
        }
    }

    // MARK: Cycles

    private mutating func checkCycles(_ observations: [Observation]) {
        let graph = graph(observations)
        let all: Set<DependencyGraph.Kind> = [.write, .read, .anti, .time]
        if graph.components(all).isEmpty { return }
        // The worst kind first, and one that needs no clock before one that does.
        for time: Set<DependencyGraph.Kind> in [[], [.time]] {
            for kinds: Set<DependencyGraph.Kind> in [
                [.write], [.write, .read], [.write, .read, .anti],
            ] {
                for component in graph.components(kinds.union(time)) {
                    reportCycle(in: Set(component), of: graph, kinds.union(time))
                    return
                }
            }
        }
    }

    private func graph(_ observations: [Observation]) -> DependencyGraph {
        let ends = history.indices
            .filter { history[$0].ending == .committed && history[$0].completed < .max }
            .sorted { history[$0].completed < history[$1].completed }
        var graph = DependencyGraph(nodeCount: history.count, momentCount: ends.count)
        for (key, order) in orders {
            for (before, after) in zip(order, order.dropFirst()) {
                graph.add(
                    appends[Element(key: key, element: before)]!.transaction,
                    appends[Element(key: key, element: after)]!.transaction, .write)
            }
        }
        for one in observations {
            if let last = one.list.last {
                graph.add(
                    appends[Element(key: one.key, element: last)]!.transaction, one.transaction,
                    .read)
            }
            let order = orders[one.key]!
            if one.list.count < order.count {
                graph.add(
                    one.transaction,
                    appends[Element(key: one.key, element: order[one.list.count])]!.transaction,
                    .anti)
            }
        }
        addTime(ends, to: &graph)
        return graph
    }

    private func addTime(_ ends: [Int], to graph: inout DependencyGraph) {
        let first = history.count
        for (moment, transaction) in ends.enumerated() {
            graph.add(transaction, first + moment, .time)
            if moment + 1 < ends.count { graph.add(first + moment, first + moment + 1, .time) }
        }
        var ended = 0
        for index in history.indices.sorted(by: { history[$0].invoked < history[$1].invoked })
        where history[index].ending != .aborted {
            for before in history[index].after { graph.add(before, index, .time) }
            if history[index].isRecovered { continue }
            while ended < ends.count, history[ends[ended]].completed < history[index].invoked {
                ended += 1
            }
            if ended > 0 { graph.add(first + ended - 1, index, .time) }
        }
    }

    private mutating func reportCycle(
        in members: Set<Int>, of graph: DependencyGraph, _ kinds: Set<DependencyGraph.Kind>
    ) {
        var best: [(from: Int, edge: DependencyGraph.Edge)]?
        func offer(_ cycle: [(from: Int, edge: DependencyGraph.Edge)]) {
            if cycle.count < best?.count ?? .max { best = cycle }
        }
        // One anti-dependency and back without another; else the shortest there is.
        let starts = members.sorted().prefix(300)
        for start in starts {
            for edge in graph.edges[start] where edge.kind == .anti && kinds.contains(.anti) {
                guard members.contains(edge.target) else { continue }
                let back = graph.path(
                    from: edge.target, to: start, within: members, kinds.subtracting([.anti]))
                if let back { offer([(start, edge)] + back) }
            }
        }
        if best == nil {
            for start in starts {
                if let cycle = graph.path(from: start, to: start, within: members, kinds) {
                    offer(cycle)
                }
            }
        }
        guard let best else { return }
        let used = best.map(\.edge.kind)
        let kind: Anomaly.Kind =
            switch used.filter({ $0 == .anti }).count {
            case 0 where !used.contains(.read): .writeCycle
            case 0: .informationCycle
            case 1: .singleAntiCycle
            default: .antiCycle
            }
        let lines = best.map { "  \($0.from): \(history[$0.from])\n    then, by \($0.edge.kind):" }
        anomalies.append(
            Anomaly(
                kind, (lines + ["  \(best[0].from) again"]).joined(separator: "\n"),
                isRealTime: used.contains(.time)))
    }
}
