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

    /// Lets each table begin where `root` says.
    mutating func update(_ root: (Table) -> TreeRoot) {
        for index in tables.indices { tables[index].root = root(tables[index]) }
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

extension VerificationReport {
    /// Adds what is wrong with a catalog's records.
    mutating func add(_ catalog: CatalogReading, path: String) {
        for problem in catalog.unreadable + catalog.misnamed + catalog.misnumbered
            + catalog.stale
        {
            var finding = Finding(
                .catalog,
                StorageError(
                    .damaged, problem.message, path: path, page: problem.page,
                    offset: UInt64(problem.page) << UInt64(PageLayout.pageShift)))
            finding.table = problem.name
            add(finding)
        }
    }
}
