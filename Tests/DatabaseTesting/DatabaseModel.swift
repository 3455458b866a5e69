@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// One change to a database, as the model and the real one both can make it.
public enum Change: Sendable {
    case put([UInt8], [UInt8], table: String = "")
    case delete([UInt8], table: String = "")
    case deleteRange(KeyRange, table: String = "")
    case createTable(String)
    case dropTable(String)
}

extension DatabaseEngine {
    /// Commits changes; a single put by itself, as its callers would, so that it may be made in place.
    public func commit(_ changes: [Change], _ durability: Database.Durability) throws {
        if changes.count == 1, case .put(let key, let value, let table) = changes[0], table.isEmpty
        {
            return try put(key, value, durability: durability)
        }
        try write(durability: durability) { transaction in
            _ = try transaction.apply(changes)
        }
    }
}

/// What a database with tables should hold.
public struct DatabaseModel: Equatable, Sendable {
    public var main = SortedArrayModel()
    public var tables: [String: SortedArrayModel] = [:]

    public init() {}

    /// Makes `change`; the entries (or tables) that it removed, 0 for others.
    @discardableResult
    public mutating func apply(_ change: Change) -> Int {
        switch change {
        case .put(let key, let value, let table):
            if table.isEmpty {
                main.put(key, value)
            } else {
                tables[table, default: SortedArrayModel()].put(key, value)
            }
            return 0
        case .delete(let key, let table):
            if table.isEmpty { return main.delete(key) ? 1 : 0 }
            return tables[table]?.delete(key) == true ? 1 : 0
        case .deleteRange(let range, let table):
            if range.isEmpty { return 0 }
            if table.isEmpty {
                return main.deleteRange(from: range.lowerBound, to: range.upperBound)
            }
            return tables[table]?.deleteRange(from: range.lowerBound, to: range.upperBound) ?? 0
        case .createTable(let name):
            if tables[name] == nil { tables[name] = SortedArrayModel() }
            return 0
        case .dropTable(let name):
            return tables.removeValue(forKey: name) == nil ? 0 : 1
        }
    }

    /// The first difference between this and what `snapshot` shows, nil when there is none.
    @_spi(Engine) public func difference<Store, Log>(
        from snapshot: EngineSnapshot<Store, Log>
    ) throws(StorageError) -> String? {
        guard snapshot.count == UInt64(main.count) else {
            return "\(snapshot.count) entries instead of \(main.count)"
        }
        let comparison = Comparison(main)
        try snapshot.forEach { key, value throws(StorageError) in comparison.take(key, value) }
        if let difference = comparison.end() { return difference }
        let names = try snapshot.tableNames()
        guard names == tables.keys.sorted() else {
            return "tables \(names) instead of \(tables.keys.sorted())"
        }
        for name in names {
            let table = tables[name]!
            guard try snapshot.count(table: name) == UInt64(table.count) else {
                return "table \(name) does not count \(table.count) entries"
            }
            let comparison = Comparison(table)
            try snapshot.forEach(table: name) { key, value throws(StorageError) in
                comparison.take(key, value)
            }
            if let difference = comparison.end() { return "table \(name): \(difference)" }
        }
        return nil
    }

    /// Throws when `database` does not hold exactly this.
    @_spi(Engine) public func check<Store, Log>(
        _ database: DatabaseEngine<Store, Log>, _ place: @autoclosure () -> String = ""
    ) throws {
        let snapshot = try database.snapshot()
        if let difference = try difference(from: snapshot) {
            throw Mismatch("\(place()) state at \(snapshot.transaction): \(difference)")
        }
    }
}

/// Compares entries that come in order with a model's.
private final class Comparison {
    private let model: SortedArrayModel
    private var index = 0
    private var difference: String?

    init(_ model: SortedArrayModel) { self.model = model }

    /// Takes the next entry; false when it is a wrong one.
    func take(_ key: ByteView, _ value: ByteView) -> Bool {
        guard let entry = model.nth(index) else {
            difference = "an entry beyond the last: \(key.array)"
            return false
        }
        let isSame =
            withByteView(of: entry.key) { $0.compare(to: key) == 0 }
            && withByteView(of: entry.value) { $0.compare(to: value) == 0 }
        if !isSame {
            difference =
                "entry \(index) is \(key.array) with \(value.count) bytes instead of "
                + "\(entry.key) with \(entry.value.count) bytes"
        }
        index += 1
        return isSame
    }

    func end() -> String? {
        if difference == nil && index < model.count {
            difference = "the entries end after \(index) of \(model.count)"
        }
        return difference
    }
}

extension Change {
    /// Whether it puts a value into the default table whose length says that it comes in portions.
    var isInPortions: Bool {
        guard case .put(_, let value, let table) = self else { return false }
        return table.isEmpty && value.count % 4 == 3
    }
}

extension EngineTransaction {
    /// Makes `change`; the entries (or tables) that it removed, 0 for others.
    public func apply(_ change: Change) throws(StorageError) -> Int {
        switch change {
        case .put(let key, let value, let table):
            if change.isInPortions {
                try put(key, count: value.count) { write throws(StorageError) in
                    try withByteView(of: value) { value throws(StorageError) in
                        var rest = value
                        while rest.count > 0 {
                            try write(rest.prefix(100_001))
                            rest = rest.dropFirst(100_001)
                        }
                    }
                }
            } else if table.isEmpty {
                try put(key, value)
            } else {
                try put(key, value, table: table)
            }
            return 0
        case .delete(let key, let table):
            if table.isEmpty { return try delete(key) ? 1 : 0 }
            return try delete(key, table: table) ? 1 : 0
        case .deleteRange(let range, let table):
            if table.isEmpty { return Int(try deleteRange(range)) }
            return Int(try deleteRange(range, table: table))
        case .createTable(let name):
            try createTable(name)
            return 0
        case .dropTable(let name):
            return try dropTable(name) ? 1 : 0
        }
    }
}

extension Change {
    /// Whether a transaction can make both by one call.
    fileprivate func isOfOneCall(with other: Change) -> Bool {
        switch (self, other) {
        case (.put(_, _, let table), .put(_, _, let otherTable)): table == otherTable
        case (.delete(_, let table), .delete(_, let otherTable)): table == otherTable
        default: false
        }
    }
}

extension EngineTransaction {
    /// Makes changes in their order, those of a kind that follow each other by one call; how many entries
    /// they removed.
    public func apply(_ changes: [Change]) throws(StorageError) -> Int {
        var removed = 0
        var rest = changes[...]
        while let first = rest.first {
            let run = rest.prefix { first.isOfOneCall(with: $0) }
            guard run.count > 1 else {
                removed += try apply(first)
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(run.count)
            switch first {
            case .put(_, _, let table):
                var entries: [(key: [UInt8], value: [UInt8])] = []
                for case .put(let key, let value, _) in run { entries.append((key, value)) }
                try put(contentsOf: entries, table: table)
            case .delete(_, let table):
                var keys: [[UInt8]] = []
                for case .delete(let key, _) in run { keys.append(key) }
                removed += try delete(contentsOf: keys, table: table)
            default: break
            }
        }
        return removed
    }
}
