import BTree
import StorageIO

/// A table that the running transaction has looked up, as the transaction sees it.
struct OpenTable {
    let id: TableID
    /// Unlike those of the other tables; 0 for the default table and for one that is not there.
    var number: UInt32
    var root: TreeRoot
    var kind = TableKind.untyped
    var isThere: Bool
    /// Whether the catalog has no record of it yet.
    var isNew = false
    var isChanged = false
    /// Grows with each change, for the cursors that stand in it.
    var changeCount: UInt64 = 0

    /// What the next version knows of it.
    var known: KnownTable { KnownTable(number: number, root: root, kind: kind) }
}

/// The tables that the running transaction has looked up, the default table first.
///
/// Memory of its own, and not generic: to look at one is a few loads, while an array in a `var` of another
/// class would be checked for other users each time. Guarded by the writer lock.
///
/// `@safe`: it owns its memory, and checks each place.
@safe final class TransactionTables {
    private var tables: UnsafeMutablePointer<OpenTable>
    private var capacity = 16
    /// How many there are.
    private(set) var count = 0
    /// For each table's place in the set, its place here plus one; 0 for none.
    private var places: UnsafeMutablePointer<UInt32>
    private var placeCapacity = 16
    /// What the change counts of tables that are looked up begin with: above all that a cursor may know of them.
    private var leastChangeCount: UInt64 = 0
    /// Memory for so many is kept from one transaction to the next.
    private static let keptCount = 4096

    init() {
        unsafe tables = .allocate(capacity: capacity)
        unsafe places = .allocate(capacity: placeCapacity)
        unsafe places.initialize(repeating: 0, count: placeCapacity)
    }

    deinit {
        unsafe tables.deallocate()
        unsafe places.deallocate()
    }

    /// Forgets all, and begins anew with the default table at place 0.
    func reset(main: TreeRoot) {
        for index in 0..<count { unsafe places[Int(tables[index].id.index)] = 0 }
        count = 0
        leastChangeCount = 0
        if capacity > Self.keptCount { resize(to: 16) }
        append(OpenTable(id: .main, number: 0, root: main, isThere: true))
    }

    /// Where a table is; nil when it was not looked up.
    @inline(__always)
    func place(of id: TableID) -> Int? {
        let index = Int(id.index)
        guard index < placeCapacity else { return nil }
        let place = unsafe places[index]
        return place == 0 ? nil : Int(place) - 1
    }

    /// Adds a table that was not looked up before. Returns its place.
    @discardableResult
    func append(_ table: OpenTable) -> Int {
        if count == capacity { resize(to: 2 * capacity) }
        let index = Int(table.id.index)
        if index >= placeCapacity {
            let more = max(2 * placeCapacity, index + 1)
            let moved = UnsafeMutablePointer<UInt32>.allocate(capacity: more)
            unsafe moved.initialize(from: places, count: placeCapacity)
            unsafe (moved + placeCapacity).initialize(repeating: 0, count: more - placeCapacity)
            unsafe places.deallocate()
            unsafe places = moved
            placeCapacity = more
        }
        unsafe (tables + count).initialize(to: table)
        unsafe tables[count].changeCount = leastChangeCount
        count += 1
        unsafe places[index] = UInt32(count)
        return count - 1
    }

    /// All of them, in the order in which they were looked up.
    var all: [OpenTable] { (0..<count).map { unsafe tables[$0] } }

    /// Lets the tables be what they were; those that were looked up since are forgotten. Cursors find that all have
    /// changed.
    func restore(_ old: [OpenTable]) {
        for index in 0..<count {
            unsafe leastChangeCount = max(leastChangeCount, tables[index].changeCount)
            unsafe places[Int(tables[index].id.index)] = 0
        }
        leastChangeCount += 1
        count = 0
        for table in old { append(table) }
    }

    private func resize(to newCapacity: Int) {
        let moved = UnsafeMutablePointer<OpenTable>.allocate(capacity: newCapacity)
        unsafe moved.moveInitialize(from: tables, count: count)
        unsafe tables.deallocate()
        unsafe tables = moved
        capacity = newCapacity
    }

    /// The table at a place.
    subscript(_ place: Int) -> OpenTable {
        @inline(__always) get {
            precondition(place < count, "no such table")
            return unsafe tables[place]
        }
        @inline(__always) _modify {
            precondition(place < count, "no such table")
            yield unsafe &tables[place]
        }
    }
}

/// The tables whose records in the head's catalog are not up to date: the next checkpoint writes them.
struct StaleTables {
    /// A table, and its number.
    struct Table {
        let id: TableID
        let number: UInt32
    }

    private(set) var tables: [Table] = []
    /// For each table's place in the set, its index in `tables` plus one; 0 for none.
    private var places: [UInt32] = []

    func contains(_ id: TableID) -> Bool {
        Int(id.index) < places.count && places[Int(id.index)] != 0
    }

    mutating func insert(_ id: TableID, number: UInt32) {
        let index = Int(id.index)
        if index >= places.count {
            places += [UInt32](
                repeating: 0, count: max(16, index + 1, 2 * places.count) - places.count)
        }
        if places[index] != 0 {
            tables[Int(places[index]) - 1] = Table(id: id, number: number)
        } else {
            tables.append(Table(id: id, number: number))
            places[index] = UInt32(tables.count)
        }
    }

    mutating func remove(_ id: TableID) {
        guard contains(id) else { return }
        let place = Int(places[Int(id.index)]) - 1
        let last = tables[tables.count - 1]
        tables[place] = last
        places[Int(last.id.index)] = UInt32(place + 1)
        places[Int(id.index)] = 0
        tables.removeLast()
    }

    mutating func removeAll() {
        for table in tables { places[Int(table.id.index)] = 0 }
        tables.removeAll(keepingCapacity: tables.count <= 64)
    }
}
