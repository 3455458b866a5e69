import BTree
import PageStore
import StorageIO

/// The tables of a catalog as its leaves have them, and what is wrong with their records.
struct CatalogReading {
    /// A table.
    struct Table {
        var name: [UInt8]
        var root: TreeRoot
        var number: UInt32
        /// What it holds, as an encoded ``TableDescription``.
        var description: [UInt8]
        /// The catalog's leaf that has it, and the transaction that wrote that.
        var page: PageNumber
        var birth: TransactionNumber
    }

    /// A record that is no good.
    struct Problem {
        var name: [UInt8]
        var page: PageNumber
        var message: String
    }

    private(set) var tables: [Table] = []
    /// Records that can't be read: the table is lost.
    private(set) var unreadable: [Problem] = []
    /// Names that no table can have, which nobody can ask for; what the tables hold can be read.
    private(set) var misnamed: [Problem] = []

    /// Records that are older than what they lead to.
    private(set) var stale: [Problem] = []

    /// Looks for records that are older than the root that they lead to. A table that changes gets a
    /// new root, and with it a new record; so a later catalog was written, and that write was lost.
    ///
    /// - Parameter birth: the transaction that wrote a table's root; nil where nothing sound is there,
    ///   or the record is of no interest.
    mutating func findStaleRecords(_ birth: (Table) -> TransactionNumber?) {
        for table in tables where table.root.page != 0 {
            guard let newest = birth(table), newest > table.birth else { continue }
            stale.append(
                Problem(
                    name: table.name, page: table.page,
                    message: "A page of the catalog is older than the table that it leads to; a "
                        + "later one was lost."))
        }
    }

    /// Lets each table be what a version that is newer than the catalog says.
    mutating func update(_ body: (inout Table) -> Void) {
        for index in tables.indices { body(&tables[index]) }
    }

    /// Takes the records of a leaf.
    mutating func read(_ leaf: borrowing LeafContents, at page: PageNumber) {
        for index in 0..<leaf.count {
            let name = leaf.key(index).array
            if !TableName.isLegal(name) {
                misnamed.append(
                    Problem(
                        name: name, page: page,
                        message: "A table's name in the catalog is not UTF-8."))
            }
            var record: TableRecord?
            if case .inline(let value) = leaf.value(index) {
                do throws(StorageError) { record = try TableRecord(value) } catch {}
            }
            if let record {
                tables.append(
                    Table(
                        name: name, root: record.root, number: record.number,
                        description: record.description, page: page, birth: leaf.birth))
            } else {
                unreadable.append(
                    Problem(
                        name: name, page: page,
                        message: "A table's record in the catalog is malformed."))
            }
        }
        leaf.extendLifetime()
    }

    /// Tables whose numbers can't be: 0 is the default table's alone, and no two are the same.
    var misnumbered: [Problem] {
        var ordered = Array(tables.indices)
        ordered.sort { tables[$0].number < tables[$1].number }
        var problems: [Problem] = []
        for (place, index) in ordered.enumerated() {
            let table = tables[index]
            let isSame = place > 0 && tables[ordered[place - 1]].number == table.number
            guard isSame || (table.number == 0) != table.name.isEmpty || table.number == .max else {
                continue
            }
            problems.append(
                Problem(
                    name: table.name, page: table.page,
                    message: "A table in the catalog has the number of another, or an impossible "
                        + "one."))
        }
        return problems
    }
}

extension CatalogReading {
    /// Indexes that can't be what the records of their tables say: one that its table is not kept with, or one of more
    /// entries than rows. Which entry each row has, only the program knows that declares the index.
    var strayIndexes: [Problem] {
        var problems: [Problem] = []
        for index in tables where IndexName.isReserved(index.name) {
            let (owner, name) = IndexName.parts(of: index.name) ?? (index.name, [])
            let text = String(decoding: name, as: UTF8.self)
            var message: String?
            if let table = find(owner), table.indexNames.contains(name) {
                let (entries, rows) = (index.root.entryCount, table.root.entryCount)
                if entries > rows {
                    message = "The index \(text) has \(entries) entries, and its table \(rows)."
                }
            } else {
                message = "An index \(text) is there that no table is kept with."
            }
            guard let message else { continue }
            problems.append(Problem(name: owner, page: index.page, message: message))
        }
        return problems
    }

    /// The table of a name, where the catalog is in order.
    private func find(_ name: [UInt8]) -> Table? {
        var (low, high) = (0, tables.count)
        while low < high {
            let middle = (low + high) / 2
            if tables[middle].name.lexicographicallyPrecedes(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < tables.count && tables[low].name == name ? tables[low] : nil
    }
}

extension CatalogReading.Table {
    /// The names of the indexes that its record says it is kept with.
    fileprivate var indexNames: [[UInt8]] {
        do throws(StorageError) {
            return try withByteView(of: description) { bytes throws(StorageError) in
                try TableDescription(bytes).indexes.map { Array($0.name.utf8) }
            }
        } catch {
            return []
        }
    }
}

extension VerificationReport {
    /// Adds what is wrong with a catalog's records.
    mutating func add(_ catalog: CatalogReading, path: String) {
        let records =
            catalog.unreadable + catalog.misnamed + catalog.misnumbered + catalog.stale
        for problem in records { add(.catalog, problem, path) }
        // Without all of the records nobody knows which indexes belong to them.
        guard records.isEmpty else { return }
        for problem in catalog.strayIndexes { add(.index, problem, path) }
    }

    private mutating func add(
        _ kind: Finding.Kind, _ problem: CatalogReading.Problem, _ path: String
    ) {
        var finding = Finding(
            kind,
            StorageError(
                .damaged, problem.message, path: path, page: problem.page,
                offset: UInt64(problem.page) << UInt64(PageLayout.pageShift)))
        finding.table = problem.name
        add(finding)
    }
}
