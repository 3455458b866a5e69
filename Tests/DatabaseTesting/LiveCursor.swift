@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// A cursor over one table of a snapshot beside a place in the sorted array that the table must
/// equal. It lives on while the database changes, and may outlive its snapshot's variable.
struct LiveCursor {
    private var cursor: EngineCursor<SimulatedStore, SimulatedLog>
    private let model: SortedArrayModel
    /// The entry it stands on; -1 before the first, `model.count` behind the last.
    private var index = -1

    init(_ cursor: EngineCursor<SimulatedStore, SimulatedLog>, _ model: SortedArrayModel) {
        self.cursor = cursor
        self.model = model
    }

    /// Moves it once, at random, and checks where it is.
    mutating func move(_ keys: inout KeySpace, _ random: inout SeededRandom) throws {
        let count = model.count
        let move: String
        let isThere: Bool
        switch random.below(20) {
        case 0..<7:
            (move, isThere) = ("next", try cursor.next())
            index = min(index + 1, count)
        case 7..<14:
            (move, isThere) = ("previous", try cursor.previous())
            index = max(index - 1, -1)
        case 14:
            (move, isThere) = ("first", try cursor.first())
            index = 0
        case 15:
            (move, isThere) = ("last", try cursor.last())
            index = count - 1
        case 16, 17:
            let key = keys.probe(&random)
            (move, isThere) = ("seek to \(key.count) bytes", try cursor.seek(key))
            index = model.rank(key)
        default:
            let key = keys.probe(&random)
            (move, isThere) = ("seekBefore \(key.count) bytes", try cursor.seekBefore(key))
            index = model.rank(key) - 1
        }
        // Before the first and behind the last are the same place where nothing is.
        if count == 0 { index = -1 }
        let expected = model.nth(index)
        try check(
            isThere == (expected != nil) && cursor.isValid == isThere,
            "R6: cursor \(move): \(isThere), not \(expected != nil)")
        try checkPlace(expected, move)
    }

    private mutating func checkPlace(_ expected: SortedArrayModel.Entry?, _ move: String) throws {
        guard let expected else {
            try check(cursor.key == nil, "R6: cursor \(move): a key where none is")
            return
        }
        let isSame = try cursor.withEntry { key, value in
            withByteView(of: expected.key) { $0.compare(to: key) == 0 }
                && withByteView(of: expected.value) { $0.compare(to: value) == 0 }
        }
        try check(
            isSame == true && cursor.key == expected.key,
            "R6: cursor \(move): not entry \(index), \(expected.key)")
    }

    /// Walks on from where it is to one end, over at most `limit` entries.
    mutating func walk(reverse: Bool, limit: Int) throws {
        for _ in 0..<limit {
            let isThere = reverse ? try cursor.previous() : try cursor.next()
            index = reverse ? max(index - 1, -1) : min(index + 1, model.count)
            if model.count == 0 { index = -1 }
            let expected = model.nth(index)
            try check(isThere == (expected != nil), "R6: a walk ends at \(index)")
            try checkPlace(expected, "walking")
            if !isThere { return }
        }
    }
}
