import StorageIOTesting

/// Histories that are wrong on purpose.
public enum HistoryMutation {
    /// `history` with one thing changed, which may or may not make it wrong: what was read loses its
    /// end, gains an element, or is another list's; an end comes earlier, a begin later; a commit
    /// becomes an abort.
    public static func mutate(
        _ history: [ListTransaction], _ random: inout SeededRandom
    ) -> [ListTransaction] {
        var history = history
        guard !history.isEmpty else { return history }
        let index = random.below(history.count)
        var one = history[index]
        let elements = history.flatMap(\.operations).compactMap { operation -> Int? in
            if case .append(_, let element) = operation { element } else { nil }
        }
        switch random.below(8) {
        case 0: if index < history.count - 1 { one.ending = .aborted }
        case 1: one.completed = min(one.completed, one.invoked + 1)
        case 2: one.invoked = max(one.invoked, one.completed - 1)
        default:
            guard !one.operations.isEmpty else { return history }
            let place = random.below(one.operations.count)
            guard case .read(let key, var list) = one.operations[place] else { return history }
            switch random.below(4) {
            case 0: if !list.isEmpty { list.removeLast() }
            case 1: if !list.isEmpty { list.remove(at: random.below(list.count)) }
            case 2: if !elements.isEmpty { list.append(random.element(of: elements)) }
            default: if list.count > 1 { list.swapAt(0, list.count - 1) }
            }
            one.operations[place] = .read(key: key, list: list)
        }
        history[index] = one
        return history
    }
}
