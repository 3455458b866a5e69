import BTree
@_spi(Engine) import DatabaseTesting
import PageStore
import StorageIO
import StorageIOTesting
import Testing

@_spi(Engine) @testable import KVDB

/// Tables by their places in the handle's set, and where a version knows that they begin.
@Suite struct TableIDTests {
    private typealias Content = [[UInt8]: [[UInt8]: [UInt8]]]
    private let files = CrashingFileSystem()

    private func open() throws -> SimulatedDatabase {
        try SimulatedDatabase.open("a.db", files: files, options: .manual)
    }

    private func name(_ number: Int) -> [UInt8] { number == 0 ? [] : Array("t\(number)".utf8) }

    /// Fails unless `snapshot` has exactly `content`, table by table.
    private func check(
        _ snapshot: SimulatedSnapshot, _ database: SimulatedDatabase, _ content: Content,
        _ place: String
    ) throws {
        for number in 0..<40 {
            let id = try database.table(name(number))
            let expected = number == 0 ? content[[]] ?? [:] : content[name(number)]
            let isThere = try snapshot.hasTable(id)
            try #require(isThere == (expected != nil), "\(place) table \(number)")
            guard let expected else { continue }
            try #require(snapshot.count(table: id) == UInt64(expected.count), "\(place) \(number)")
            var found: [[UInt8]: [UInt8]] = [:]
            try snapshot.forEach(table: id) { key, value in
                found[key.array] = value.array
                return true
            }
            try #require(found == expected, "\(place) table \(number)")
            if let key = expected.keys.first {
                try #require(snapshot.get(key, table: id) == expected[key], "\(place) \(number)")
            }
        }
        let names = content.keys.filter { !$0.isEmpty }
        try #require(
            snapshot.tableNameBytes() == names.sorted { $0.lexicographicallyPrecedes($1) },
            "\(place)")
    }

    /// Random changes of forty tables, by id, with aborts, checkpoints, single puts, reopening, and snapshots
    /// that look at a table for the first time long after.
    @Test(arguments: Seeds.first(12))
    func tablesAgreeWithAModel(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var database = try open()
        var content: Content = [[]: [:]]
        var held: [(snapshot: SimulatedSnapshot, content: Content)] = []
        for step in 0..<120 {
            let place = "step \(step), \(Seeds.again(seed))"
            switch random.below(12) {
            case 0: try database.checkpoint()
            case 1 where held.count < 3: held.append((try database.snapshot(), content))
            case 2 where !held.isEmpty:
                let old = held.remove(at: random.below(held.count))
                try check(old.snapshot, database, old.content, place)
            case 3:
                for old in held { try check(old.snapshot, database, old.content, place) }
                held = []
                if random.oneIn(2) { try database.checkSound(place) }
                if random.oneIn(4) { _ = try database.compact() }
                try database.close()
                database = try open()
            case 4, 5, 6:
                let number = random.below(40)
                let id = try database.table(name(number))
                for _ in 0...random.below(8) {
                    let (key, value) = (
                        numberKey(random.below(30)), random.bytes(1 + random.below(40))
                    )
                    try database.put(
                        key, value, table: id,
                        durability: [.full, .written, .buffered][random.below(3)])
                    content[name(number), default: [:]][key] = value
                }
            default:
                let transaction = try database.begin()
                var next = content
                for _ in 0...random.below(20) {
                    try change(transaction, database, &next, &random)
                }
                if random.oneIn(4) {
                    transaction.abort()
                } else {
                    try transaction.commit(durability: random.oneIn(2) ? .full : .buffered)
                    content = next
                }
            }
            if random.oneIn(4) {
                try check(try database.snapshot(), database, content, place)
            }
        }
        for old in held { try check(old.snapshot, database, old.content, "\(Seeds.again(seed))") }
        held = []
        try database.checkSound("\(Seeds.again(seed))")
        // What is in the log alone.
        try database.sync()
        let left = try SimulatedDatabase.open(
            "a.db", files: files.survivors(.none), options: .manual)
        try check(try left.snapshot(), left, content, "after a power cut, \(Seeds.again(seed))")
        try left.checkSound()
    }

    private func change(
        _ transaction: borrowing SimulatedTransaction, _ database: SimulatedDatabase,
        _ content: inout Content, _ random: inout SeededRandom
    ) throws {
        let number = random.below(40)
        let name = name(number)
        let id = try database.table(name)
        let key = numberKey(random.below(30))
        let value = random.bytes(random.oneIn(20) ? 3000 : random.below(40))
        let old = content[name]?[key]
        switch random.below(14) {
        case 0:
            let isInserted = try transaction.insert(key, value, table: id)
            try #require(isInserted == (old == nil))
            if isInserted { content[name, default: [:]][key] = value }
        case 1:
            let expected = random.oneIn(2) ? old ?? [] : [1]
            let isReplaced = try transaction.replace(key, expected: expected, value, table: id)
            try #require(isReplaced == (old == expected))
            if isReplaced { content[name, default: [:]][key] = value }
        case 2:
            try #require(try transaction.exchange(key, value, table: id) == old)
            content[name, default: [:]][key] = value
        case 3:
            try #require(try transaction.remove(key, table: id) == old)
            content[name]?[key] = nil
        case 4:
            let range = KeyRange.from(key)
            let first = content[name]?.keys.filter { !$0.lexicographicallyPrecedes(key) }
                .min { $0.lexicographicallyPrecedes($1) }
            let deleted = try transaction.deleteFirst(in: range, table: id)
            try #require(deleted?.key == first)
            if let first {
                try #require(deleted?.value == content[name]?[first])
                content[name]?[first] = nil
            }
        case 5:
            let longer = try transaction.update(key, table: id) { revision throws(StorageError) in
                var bytes = revision.old?.array ?? []
                guard bytes.count < 3 else { return nil as [UInt8]? }
                bytes.append(7)
                try withByteView(of: bytes) { view throws(StorageError) in try revision.put(view) }
                return bytes
            }
            try #require(longer == ((old ?? []).count < 3 ? (old ?? []) + [7] : nil))
            if let longer { content[name, default: [:]][key] = longer }
        case 6:
            try #require(transaction.delete(key, table: id) == (old != nil))
            content[name]?[key] = nil
        case 7:
            let last = numberKey(random.below(30))
            let count = try transaction.deleteRange(KeyRange(from: key, upTo: last), table: id)
            let doomed = (content[name] ?? [:]).keys.filter {
                !$0.lexicographicallyPrecedes(key) && $0.lexicographicallyPrecedes(last)
            }
            try #require(count == UInt64(doomed.count))
            for key in doomed { content[name]?[key] = nil }
        case 8 where number > 0:
            try #require(try transaction.dropTable(id) == (content[name] != nil))
            content[name] = nil
        case 9 where number > 0:
            try #require(try transaction.createTable(id) == (content[name] == nil))
            if content[name] == nil { content[name] = [:] }
        case 10 where number > 0:
            let other = self.name(1 + random.below(39))
            let target = try database.table(other)
            do {
                try transaction.renameTable(id, to: target)
                try #require(content[name] != nil && (content[other] == nil || other == name))
                let table = content.removeValue(forKey: name)
                content[other] = table
            } catch let error as StorageError {
                let code: StorageError.Code =
                    content[name] == nil ? .tableNotFound : .invalidArgument
                try #require(error.code == code)
            }
        default:
            try transaction.put(key, value, table: id)
            content[name, default: [:]][key] = value
        }
        try #require(transaction.get(key, table: id) == content[name]?[key])
        try #require(transaction.count(table: id) == content[name].map { UInt64($0.count) })
    }

    /// Puts that change a named table where it lies reach the next checkpoint, and no older snapshot.
    @Test func putsInPlaceCount() throws {
        var database = try open()
        let id = try database.table("t")
        for number in 0..<3 { try database.put(numberKey(number), "a", table: id) }
        let old = try database.snapshot()
        try database.put("k", "v", table: id)
        let page = try #require(root(database, id)).page
        var pages: Set<PageNumber> = []
        for number in 3..<40 {
            try database.put(numberKey(number), "b", table: id, durability: .written)
            pages.insert(try #require(root(database, id)).page)
        }
        // The first one copies, since the snapshot may see the page; the others change that copy.
        #expect(pages.count <= 2 && pages != [page] || pages == [page])
        #expect(try old.count(table: id) == 3)
        #expect(try database.count(table: id) == 41)
        try database.checkSound()
        try database.checkpoint()
        for number in 40..<60 {
            try database.put(numberKey(number), "c", table: id, durability: .written)
        }
        try database.checkpoint()
        try database.close()
        database = try open()
        #expect(try database.count(table: try database.table("t")) == 61)
        try database.checkSound()
    }

    private func root(_ database: SimulatedDatabase, _ id: TableID) -> TreeRoot? {
        guard case .found(let record) = database.core.writer.head.tables.entry(id) else {
            return nil
        }
        return record.root
    }

    /// A commit that changes a named table leaves the catalog as it is until the next checkpoint.
    @Test func aCommitLeavesTheCatalogAlone() throws {
        let database = try open()
        let id = try database.table("t")
        try database.put("a", "1", table: id)
        let catalog = database.core.writer.head.catalog
        for number in 0..<5 { try database.put(numberKey(number), "1", table: id) }
        #expect(database.core.writer.head.catalog == catalog)
        try database.checkpoint()
        #expect(database.core.writer.head.catalog != catalog)
        #expect(database.core.writer.stale.tables.isEmpty)
    }

    /// What versions know is kept for those that are held and the newest, however many there were between.
    @Test func rootsOfVersionsThatNobodyHasAreLetGo() throws {
        let database = try open()
        let id = try database.table("t")
        var held: [SimulatedSnapshot] = []
        for number in 0..<500 {
            try database.put(numberKey(number), "1", table: id)
            if number % 100 == 7 { held.append(try database.snapshot()) }
        }
        #expect(database.core.versions.rootCount <= 2 * (held.count + 2))
        for (index, snapshot) in held.enumerated() {
            #expect(try snapshot.count(table: id) == UInt64(index * 100 + 8))
        }
        held = []
        for number in 500..<550 { try database.put(numberKey(number), "1", table: id) }
        #expect(database.core.versions.rootCount <= 9)
    }

    /// Many threads look tables up for the first time at once, while commits make new roots.
    @Test func threadsResolveTogether() throws {
        var database = try open()
        try database.write { transaction in
            for number in 1..<300 {
                try transaction.put("k", name(number), table: database.table(name(number)))
            }
        }
        try database.close()
        for round in 0..<5 {
            database = try open()
            let shared = database
            try inParallel(4) { thread in
                for number in 1..<300 {
                    let place = (number * 7 + thread) % 299 + 1
                    let id = try shared.table(name(place))
                    if thread == 0, number % 50 == round {
                        try shared.put("l", name(place), table: id, durability: .buffered)
                    }
                    let snapshot = try shared.snapshot()
                    guard try snapshot.get("k", table: id) == name(place),
                        try shared.get("k", table: id) == name(place)
                    else { throw Mismatch("table \(place)") }
                }
            }
            try database.checkSound()
            try database.close()
        }
    }

    /// A cursor goes on behind its key, whatever happens to the table.
    @Test func aCursorGoesOnOverChanges() throws {
        let database = try open()
        let id = try database.table("t")
        let transaction = try database.begin()
        for number in 0..<1000 { try transaction.put(numberKey(2 * number), "v", table: id) }
        var cursor = transaction.cursor(table: id)
        var seen = 0
        while try cursor.next() {
            let key = try #require(cursor.key)
            #expect(try cursor.value() == Array("v".utf8))
            try transaction.delete(key, table: id)
            #expect(try cursor.value() == nil)
            // Behind the cursor, and before it.
            if seen % 10 == 0, key.count == 4 { try transaction.put(key + [1], "v", table: id) }
            try transaction.put([0], "first", table: id)
            seen += 1
        }
        #expect(seen == 1112)
        #expect(try transaction.count(table: id) == 1)
        // Emptied, and filled before and behind the place.
        var other = transaction.cursor(table: id)
        #expect(try other.next() && other.key == [0])
        try transaction.dropTable(id)
        #expect(try !other.next() && !other.isValid)
        try transaction.put([0], "again", table: id)
        try transaction.put([5], "behind", table: id)
        #expect(try other.next() && other.key == [5])
        #expect(try other.previous() && other.key == [0])
        transaction.abort()
        #expect(throws: StorageError.self) { try other.next() }
    }

    /// Places of every group, filled in and changed, and what versions share.
    @Test func rootsOfManyTables() {
        func record(_ number: Int) -> KnownTable {
            KnownTable(
                number: UInt32(number),
                root: TreeRoot(
                    page: UInt32(number + 2), height: 3, entryCount: UInt64(number) << 20),
                kind: TableKind(index: UInt32(number % 5)))
        }
        func entry(_ roots: TableRoots, _ number: Int) -> KnownTable?? {
            switch roots.pointer.entry(TableID(index: UInt32(number))) {
            case .unknown: nil
            case .missing: .some(nil)
            case .found(let record): record
            }
        }
        let places = [1, 15, 16, 255, 256, 4095, 4096, 65_535, 65_536, 1_048_576, 16_777_215]
        let first = TableRoots()
        for place in places {
            #expect(entry(first, place) == nil)
            first.pointer.fill(TableID(index: UInt32(place)), place % 2 == 0 ? nil : record(place))
        }
        let second = TableRoots(
            first, transaction: 5, places.map { (TableID(index: UInt32($0)), record($0 + 1)) })
        let third = TableRoots(second, transaction: 6, [(TableID(index: 16), nil)])
        for place in places {
            #expect(entry(first, place) == .some(place % 2 == 0 ? nil : record(place)))
            #expect(entry(second, place) == record(place + 1))
            #expect(entry(third, place) == .some(place == 16 ? nil : record(place + 1)))
            #expect(entry(third, place ^ 2) == nil)
        }
        // Seen by those that share the node.
        second.pointer.fill(TableID(index: 65_537), record(9))
        #expect(entry(third, 65_537) == record(9) && entry(first, 65_537) == nil)
    }

    /// Asking for names, and for tables that are not there, takes no place.
    @Test func askingForNamesTakesNoPlace() throws {
        let database = try open()
        try database.put("a", "1")
        for number in 0..<100 {
            #expect(try database.snapshot().get("a", table: "n\(number)") == nil)
            let transaction = try database.begin()
            #expect(try transaction.get("a", table: "n\(number)") == nil)
            #expect(try !transaction.dropTable("n\(number)"))
            transaction.abort()
        }
        #expect(database.core.tables.find(Array("n7".utf8)) == nil)
    }
}
