#if !hasFeature(Embedded)
    import BTree
    import StorageIO

    /// Keys of several tables: those that a commit has touched, that somebody listens to, or that a closure has read.
    ///
    /// It is bounded: what is more than it can tell apart becomes whole tables, and then everything.
    struct TableKeys: Sendable, Equatable {
        /// By the tables' names in UTF-8. The default table's is empty.
        private(set) var tables: [[UInt8]: KeyRangeSet] = [:]
        /// Whether the names of the tables are meant too: which there are.
        var hasNames = false
        /// Whether it has all keys of all tables, and their names.
        private(set) var isEverything = false

        /// The most tables.
        static var tableLimit: Int { 256 }

        /// All keys of all tables, and their names.
        static var everything: TableKeys {
            var keys = TableKeys()
            keys.becomeEverything()
            return keys
        }

        var isEmpty: Bool { tables.isEmpty && !hasNames && !isEverything }

        private mutating func becomeEverything() {
            tables = [:]
            hasNames = true
            isEverything = true
        }

        mutating func insert(_ key: ByteView, table: [UInt8]) {
            change(table) { $0.insert(key) }
        }

        mutating func insert(_ range: KeyRange, table: [UInt8]) {
            change(table) { $0.insert(range) }
        }

        private mutating func change(_ table: [UInt8], _ change: (inout KeyRangeSet) -> Void) {
            guard !isEverything else { return }
            if tables.count >= Self.tableLimit, tables[table] == nil { return becomeEverything() }
            change(&tables[table, default: KeyRangeSet()])
        }

        mutating func formUnion(_ other: TableKeys) {
            guard !other.isEverything else { return becomeEverything() }
            if other.hasNames { hasNames = true }
            for (table, keys) in other.tables { change(table) { $0.formUnion(keys) } }
        }

        /// Whether something is in both.
        func intersects(_ other: TableKeys) -> Bool {
            if isEverything { return !other.isEmpty }
            if other.isEverything { return !isEmpty }
            if hasNames && other.hasNames { return true }
            guard tables.count <= other.tables.count else { return other.intersects(self) }
            return tables.contains { name, keys in
                other.tables[name].map { keys.intersects($0) } ?? false
            }
        }
    }

    extension TableKeys {
        /// Adds what the operations of a log record touch.
        ///
        /// - Throws: `damaged` for what is no such record.
        mutating func insert(operations: ByteView) throws(StorageError) {
            var reader = OperationReader(operations)
            var table: [UInt8] = []
            while let operation = try reader.next() {
                switch operation {
                case .put(let key, _), .delete(let key): insert(key, table: table)
                case .deleteRange(let from, let to):
                    insert(KeyRange(from: from?.array, upTo: to?.array), table: table)
                case .useTable(let name): table = name.array
                case .dropTable(let name):
                    insert(.all, table: name.array)
                    table = []
                case .renameTable(let from, let to):
                    insert(.all, table: from.array)
                    insert(.all, table: to.array)
                    table = []
                case .describeTable: break
                }
            }
        }
    }

    /// What a closure reads of a snapshot, on whatever threads.
    final class ReadKeys: Sendable {
        private let state = Guarded(TableKeys())

        /// What has been read so far.
        var keys: TableKeys { state.withLock { $0 } }

        func note(_ key: ByteView, table: [UInt8]) {
            state.withLock { $0.insert(key, table: table) }
        }

        func note(_ range: KeyRange, table: [UInt8]) {
            state.withLock { $0.insert(range, table: table) }
        }

        /// Notes that it was asked which tables there are.
        func noteNames() { state.withLock { $0.hasNames = true } }
    }
#endif
