@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Reads of the newest version, and of old ones that are held (R6).
extension ModelRun {
    mutating func readOne() throws {
        step += 1
        let key = keys.probe(&random)
        let expected = model.main.get(key)
        try check(try database.get(key) == expected, "get \(key)")
        try check(try database.contains(key) == (expected != nil), "contains \(key)")
        let isSame = try database.withValue(key) { view in
            expected.map { withByteView(of: $0) { $0.compare(to: view) == 0 } }
        }
        try check((isSame ?? nil) == (expected == nil ? nil : true), "withValue \(key)")
        try check(try database.count() == UInt64(model.main.count), "count")
        let offset = random.below((expected?.count ?? 0) + 1)
        var part: [UInt8] = []
        let isThere = try database.snapshot().readValue(of: key, from: offset) {
            part += $0.array
        }
        try check(
            isThere == (expected != nil) && part == Array(expected?.dropFirst(offset) ?? []),
            "the value from \(offset) on of \(key)")
    }

    mutating func readOrder() throws {
        step += 1
        let isOld = !held.isEmpty && random.oneIn(3)
        let old = isOld ? random.element(of: held) : nil
        let snapshot = try old?.snapshot ?? database.snapshot()
        let main = old?.model.main ?? model.main
        let key = keys.probe(&random)
        try check(try snapshot.rank(key) == UInt64(main.rank(key)), "rank \(key)")
        let index = random.below(main.count + 2)
        let entry = try snapshot.entry(at: UInt64(index))
        let expected = main.nth(index)
        try check(
            entry?.key == expected?.key && entry?.value == expected?.value, "entry at \(index)")
        let range = keys.range(&random)
        try check(
            try snapshot.count(in: range) == UInt64(main.indices(in: range).count),
            "count in \(range)")
        try check(try snapshot.first()?.key == main.entries.first?.key, "first")
        try check(try snapshot.last()?.key == main.entries.last?.key, "last")
    }

    mutating func readRange() throws {
        step += 1
        let range = keys.range(&random)
        let reverse = random.oneIn(2)
        let walk = ModelWalk(
            model.main, range, reverse: reverse, limit: random.oneIn(6) ? .max : random.below(60))
        try database.forEach(in: range, reverse: reverse) { key, value in walk.take(key, value) }
        try walk.end()
    }

    mutating func readTable() throws {
        step += 1
        let snapshot = try database.snapshot()
        let table = keys.table(&random)
        let key = keys.probe(&random)
        let expected = model.tables[table]
        try check(try snapshot.get(key, table: table) == expected?.get(key), "get from \(table)")
        try check(
            try snapshot.count(table: table) == expected.map { UInt64($0.count) }, "count \(table)")
        try check(try snapshot.tableNames() == model.tables.keys.sorted(), "table names")
        let range = keys.range(&random)
        guard let expected else {
            let code = errorCode { try snapshot.count(table: table, in: range) }
            return try check(code == .tableNotFound, "count in a table that is not there")
        }
        try check(
            try snapshot.count(table: table, in: range)
                == UInt64(expected.indices(in: range).count),
            "count in \(range) of \(table)")
        let reverse = random.oneIn(2)
        let walk = ModelWalk(expected, range, reverse: reverse, limit: random.below(60))
        try snapshot.forEach(table: table, in: range, reverse: reverse) { key, value in
            walk.take(key, value)
        }
        try walk.end("of \(table)")
    }

    // MARK: Snapshots

    mutating func hold() throws {
        step += 1
        if held.count >= 5 { held.remove(at: random.below(held.count)) }
        held.append(HeldSnapshot(snapshot: try database.snapshot(), model: model))
    }

    mutating func checkOneHeld() throws {
        guard !held.isEmpty else { return }
        step += 1
        try checkVersion(random.element(of: held))
    }

    func checkHeld() throws { for one in held { try checkVersion(one) } }

    private func checkVersion(_ one: HeldSnapshot) throws {
        if let difference = try one.model.difference(from: one.snapshot) {
            throw Mismatch("R6: snapshot of \(one.snapshot.transaction): \(difference)")
        }
    }

    // MARK: Cursors

    /// A cursor on the newest version, on one that is held, or a copy of another cursor.
    mutating func openCursor() throws {
        step += 1
        if cursors.count >= 8 { cursors.remove(at: random.below(cursors.count)) }
        if !cursors.isEmpty && random.oneIn(4) {
            cursors.append(random.element(of: cursors))
            return
        }
        let old = !held.isEmpty && random.oneIn(2) ? random.element(of: held) : nil
        let snapshot = try old?.snapshot ?? database.snapshot()
        let model = old?.model ?? model
        if random.oneIn(4), let table = model.tables.keys.sorted().first {
            cursors.append(
                LiveCursor(try snapshot.makeCursor(table: table), model.tables[table]!))
        } else {
            cursors.append(LiveCursor(snapshot.makeCursor(), model.main))
        }
    }

    mutating func moveCursors() throws {
        guard !cursors.isEmpty else { return try openCursor() }
        let index = random.below(cursors.count)
        for _ in 0..<random.number(in: 1...8) {
            step += 1
            try cursors[index].move(&keys, &random)
        }
    }

    /// Takes every cursor from where it is to both ends.
    mutating func walkCursors() throws {
        for index in cursors.indices {
            try cursors[index].walk(reverse: false, limit: .max)
            try cursors[index].walk(reverse: true, limit: .max)
        }
    }
}

extension SortedArrayModel {
    /// Where the keys of `range` lie.
    func indices(in range: KeyRange) -> Range<Int> {
        let indices = indices(from: range.lowerBound, to: range.upperBound)
        return range.isEmpty ? indices.lowerBound..<indices.lowerBound : indices
    }
}

/// What an iteration over a range must bring, entry by entry.
final class ModelWalk {
    private let model: SortedArrayModel
    private let range: KeyRange
    private let reverse: Bool
    private var next: Int
    private var left: Int
    private var wrong: String?

    init(_ model: SortedArrayModel, _ range: KeyRange, reverse: Bool, limit: Int) {
        self.model = model
        self.range = range
        self.reverse = reverse
        let indices = model.indices(in: range)
        next = reverse ? indices.upperBound - 1 : indices.lowerBound
        // At least one, since the first entry comes before anyone is asked.
        left = min(max(limit, 1), indices.count)
    }

    /// Takes the next entry; whether another is wanted.
    func take(_ key: ByteView, _ value: ByteView) -> Bool {
        guard left > 0, let entry = model.nth(next) else {
            wrong = "\(key.array) is not in the range"
            return false
        }
        let isSame =
            withByteView(of: entry.key) { $0.compare(to: key) == 0 }
            && withByteView(of: entry.value) { $0.compare(to: value) == 0 }
        if !isSame { wrong = "\(key.array), \(value.count) bytes, instead of \(entry.key)" }
        next += reverse ? -1 : 1
        left -= 1
        return left > 0 && isSame
    }

    func end(_ place: @autoclosure () -> String = "") throws {
        guard wrong == nil, left == 0 else {
            throw Mismatch(
                "forEach \(place()) in \(range), reverse \(reverse): "
                    + (wrong ?? "it ends \(left) entries early"))
        }
    }
}
