/// What must come before what, and the shortest way in a circle.
///
/// Nodes from `nodeCount` on are moments of real time: a transaction leads to the moment of its end,
/// each moment to the next one, and the last moment before a transaction's begin to that. So real time
/// takes as many edges as there are transactions, not their square.
struct DependencyGraph {
    enum Kind: UInt8, Sendable {
        /// The next append to the same list.
        case write
        /// Who read an append.
        case read
        /// Who made the next append after what was read.
        case anti
        case time
    }

    struct Edge {
        let target: Int
        let kind: Kind
    }

    let nodeCount: Int
    private(set) var edges: [[Edge]]

    init(nodeCount: Int, momentCount: Int) {
        self.nodeCount = nodeCount
        edges = Array(repeating: [], count: nodeCount + momentCount)
    }

    mutating func add(_ from: Int, _ to: Int, _ kind: Kind) {
        if from != to { edges[from].append(Edge(target: to, kind: kind)) }
    }

    /// The strongly connected components with more than one transaction in them, by edges of `kinds`
    /// alone: R. Tarjan, "Depth-First Search and Linear Graph Algorithms" (1972), without recursion.
    /// O(nodes + edges).
    func components(_ kinds: Set<Kind>) -> [[Int]] {
        var index = [Int](repeating: -1, count: edges.count)
        var low = [Int](repeating: 0, count: edges.count)
        var isOnStack = [Bool](repeating: false, count: edges.count)
        var stack: [Int] = []
        var path: [(node: Int, next: Int)] = []
        var count = 0
        var found: [[Int]] = []
        func enter(_ node: Int) {
            index[node] = count
            low[node] = count
            count += 1
            stack.append(node)
            isOnStack[node] = true
            path.append((node, 0))
        }
        for start in edges.indices where index[start] < 0 {
            enter(start)
            while let (node, next) = path.last {
                if next < edges[node].count {
                    path[path.count - 1].next += 1
                    let edge = edges[node][next]
                    guard kinds.contains(edge.kind) else { continue }
                    if index[edge.target] < 0 {
                        enter(edge.target)
                    } else if isOnStack[edge.target] {
                        low[node] = min(low[node], index[edge.target])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last?.node { low[parent] = min(low[parent], low[node]) }
                guard low[node] == index[node] else { continue }
                var component: [Int] = []
                repeat {
                    isOnStack[stack.last!] = false
                    component.append(stack.removeLast())
                } while component.last != node
                component = component.filter { $0 < nodeCount }
                if component.count > 1 { found.append(component.sorted()) }
            }
        }
        return found
    }

    /// The shortest way from `start` to `end` within `members`, by edges of `kinds`; the edges on it.
    /// Moments are stepped over: they cost nothing.
    func path(
        from start: Int, to end: Int, within members: Set<Int>, _ kinds: Set<Kind>
    ) -> [(from: Int, edge: Edge)]? {
        var cameFrom: [Int: (from: Int, edge: Edge)] = [:]
        var queue = [start]
        var first = 0
        while first < queue.count {
            let node = queue[first]
            first += 1
            for edge in outgoing(node) where kinds.contains(edge.kind) {
                guard members.contains(edge.target), cameFrom[edge.target] == nil else { continue }
                cameFrom[edge.target] = (node, edge)
                if edge.target == end { return steps(back: end, to: start, cameFrom) }
                queue.append(edge.target)
            }
        }
        return nil
    }

    /// The edges of a transaction, those through moments as edges to the transactions beyond.
    private func outgoing(_ node: Int) -> [Edge] {
        var result: [Edge] = []
        for edge in edges[node] {
            if edge.target < nodeCount {
                result.append(edge)
                continue
            }
            for moment in edge.target..<edges.count {
                result += edges[moment].filter { $0.target < nodeCount }
            }
        }
        return result
    }

    private func steps(
        back end: Int, to start: Int, _ cameFrom: [Int: (from: Int, edge: Edge)]
    ) -> [(from: Int, edge: Edge)] {
        var steps: [(from: Int, edge: Edge)] = []
        var node = end
        repeat {
            let step = cameFrom[node]!
            steps.append(step)
            node = step.from
        } while node != start
        return steps.reversed()
    }
}
