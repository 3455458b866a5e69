import BTree
import PageStore
import StorageIO

/// What every page of a file says, without anything that leads to it: leaves, links, old catalogs.
///
/// Leaves carry no table number, but pages never move from one table to another: whatever an inner
/// node of any age leads to is of its table, as long as the child's page was not written anew since
/// (its birth is then above the node's). So old inner nodes and old catalogs, which copy-on-write
/// leaves behind in free pages, tell which leaf belongs to which table.
struct FileScan {
    /// A sound leaf that nothing sound leads to.
    struct Leaf {
        /// Where it lies.
        var location: PageNumber
        /// The page that it says it is.
        var number: PageNumber
        var birth: TransactionNumber
        var count: Int
        var first: [UInt8]
        var last: [UInt8]

        var isDisplaced: Bool { location != number }

        /// Whether both can't be leaves of one version of one table.
        func overlaps(_ other: Leaf) -> Bool {
            !(last.lexicographicallyPrecedes(other.first)
                || other.last.lexicographicallyPrecedes(first))
        }
    }

    /// A table's record in a catalog leaf of any age.
    private struct CatalogEntry {
        var name: [UInt8]
        var description: [UInt8]
        var root: PageNumber
        var birth: TransactionNumber
    }

    /// The leaves, in page order.
    private(set) var leaves: [Leaf] = []
    /// Names of tables that any catalog has; the default table's is empty.
    private(set) var names: [[UInt8]] = []
    /// What each of them holds by the newest catalog, as an encoded ``TableDescription``.
    private(set) var descriptions: [[UInt8]] = []
    /// The newest transaction that a free list is of.
    private(set) var newestList: TransactionNumber = 0
    /// Of each page, the newest transaction whose free list has it; content that is not newer is
    /// stale.
    private var freedAt: [TransactionNumber]
    private var births: [TransactionNumber]
    /// Disjoint sets of pages of one table.
    private var parents: [PageNumber]
    private var edges: [(parent: PageNumber, child: PageNumber)] = []
    private var catalog: [CatalogEntry] = []
    /// Of each set, by its representative, the index of its name and that catalog's birth.
    private var setNames: [(set: PageNumber, name: Int, birth: TransactionNumber)] = []
    private let tracesTables: Bool
    private let takesAll: Bool

    /// Reads every page that `survey` did not find sound.
    ///
    /// - Parameters:
    ///   - takesAll: whether leaves count that `survey` found sound, or free.
    ///   - newest: pages of later transactions don't count.
    ///   - tracesTables: whether to gather what tells the tables apart; it takes 20 bytes a page,
    ///     and 8 for each link.
    ///   - meter: is told of each page, and may end it.
    init<Files: FileSystem>(
        _ survey: FileSurvey<Files>, takesAll: Bool = false, newest: TransactionNumber,
        tracesTables: Bool, _ meter: ProgressMeter
    ) throws(StorageError) {
        self.tracesTables = tracesTables
        self.takesAll = takesAll
        let count = survey.pages.pageCount
        freedAt = [TransactionNumber](repeating: 0, count: tracesTables ? count : 0)
        births = [TransactionNumber](repeating: 0, count: tracesTables ? count : 0)
        parents = tracesTables ? (0..<count).map { PageNumber($0) } : []
        let buffer = PageBuffer(pageCount: 1)
        var page = 2
        try meter.begin(.scanning, .pages, total: max(0, count - 2))
        while page < count {
            try meter.advance(pages: 1)
            let number = PageNumber(page)
            page += 1
            let isSound = survey.sound.contains(number)
            if isSound, !tracesTables { continue }
            let flaw = survey.pages.read(number, into: buffer)
            let bytes = buffer.page(0)
            if bytes.rawKind == PageKind.overflow.rawValue, bytes.number == number {
                // The pages inside a sound run are not pages by themselves.
                let run = survey.pages.checkRun(
                    number, byteCount: nil, newest: .max, pageLimit: count)
                if run.flaw == nil {
                    page += run.pageCount - 1
                    try meter.advance(pages: run.pageCount - 1)
                }
                continue
            }
            guard flaw == nil, bytes.birth <= newest else { continue }
            read(bytes, at: number, isSound: isSound, survey)
        }
        if tracesTables { connect() }
        try meter.end()
    }

    private mutating func read<Files: FileSystem>(
        _ page: PageBytes, at location: PageNumber, isSound: Bool, _ survey: FileSurvey<Files>
    ) {
        let number = page.number
        if tracesTables, number == location {
            births[Int(number)] = page.birth
            if let children = ChildReference.all(of: page) {
                for child in children where Int(child.page) < births.count {
                    edges.append((number, child.page))
                }
            } else if let list = survey.pages.freeListRuns(page, at: number) {
                newestList = max(newestList, list.birth)
                for run in list.runs {
                    for free in run { freedAt[free] = max(freedAt[free], list.birth) }
                }
            }
        }
        guard let leaf = LeafContents(page), number >= 2 else { return }
        // A leaf of a catalog is none of a table.
        if readCatalog(leaf, survey.pages.pageCount) { return }
        // A copy of a page that is sound in its own place is of no use, nor is one that is free.
        let isKnown =
            isSound || survey.sound.contains(number) || survey.free.contains(number)
        if takesAll || !isKnown {
            leaves.append(
                Leaf(
                    location: location, number: number, birth: leaf.birth, count: leaf.count,
                    first: leaf.key(0).array, last: leaf.key(leaf.count - 1).array))
        }
        leaf.extendLifetime()
    }

    /// Notes the entries of a leaf that is one of the catalog: nothing but tables' records, exact to
    /// the byte, among them one of the default table or one with a root. A root may lie in a tail that
    /// was cut off, but not further out than what is left is long: no value of a user's looks like that
    /// by chance.
    ///
    /// - Returns: whether it is one.
    private mutating func readCatalog(
        _ leaf: borrowing LeafContents, _ pageCount: Int
    ) -> Bool {
        var entries: [CatalogEntry] = []
        for index in 0..<leaf.count {
            guard case .inline(let value) = leaf.value(index) else { return false }
            do throws(StorageError) {
                let record = try TableRecord(value)
                let name = leaf.key(index).array
                guard record.encoded == value.array, (record.number == 0) == name.isEmpty,
                    TableName.isLegal(name),
                    Int(record.root.page) < 2 * pageCount
                else { return false }
                entries.append(
                    CatalogEntry(
                        name: name, description: record.description, root: record.root.page,
                        birth: leaf.birth))
            } catch {
                return false
            }
        }
        guard entries.contains(where: { $0.name.isEmpty || $0.root != 0 }) else { return false }
        if tracesTables { catalog += entries }
        return true
    }

    // MARK: Tables

    /// Puts the pages of each table together, and names them.
    private mutating func connect() {
        for (parent, child) in edges
        where births[Int(child)] > 0 && births[Int(child)] <= births[Int(parent)] {
            let (first, second) = (representative(parent), representative(child))
            if first != second { parents[Int(max(first, second))] = min(first, second) }
        }
        edges = []
        catalog.sort { $0.birth < $1.birth }
        var places = NameIndex()
        for entry in catalog {
            let name: Int
            if let known = places.index(of: entry.name) {
                name = known
            } else {
                name = names.count
                names.append(entry.name)
                descriptions.append([])
                places.append(entry.name)
            }
            descriptions[name] = entry.description
            let root = Int(entry.root)
            guard root < births.count, births[root] > 0, births[root] <= entry.birth else {
                continue
            }
            setNames.append((representative(entry.root), name, entry.birth))
        }
        catalog = []
        // The newest name of each set is the last of its row.
        setNames.sort { $0.set == $1.set ? $0.birth < $1.birth : $0.set < $1.set }
    }

    /// The page that stands for all of those known to be of the same table.
    mutating func representative(_ page: PageNumber) -> PageNumber {
        guard Int(page) < parents.count else { return page }
        var current = page
        while parents[Int(current)] != current {
            // Halves the way for the next time.
            parents[Int(current)] = parents[Int(parents[Int(current)])]
            current = parents[Int(current)]
        }
        return current
    }

    /// What the table of a name holds.
    func description(of name: [UInt8]) -> [UInt8] {
        names.firstIndex(of: name).map { descriptions[$0] } ?? []
    }

    /// The name of the table that a leaf belongs to, where anything tells.
    mutating func table(of leaf: Leaf) -> [UInt8]? {
        let set = representative(leaf.number)
        var (low, high) = (0, setNames.count)
        while low < high {
            let middle = (low + high) / 2
            if setNames[middle].set <= set { low = middle + 1 } else { high = middle }
        }
        guard low > 0, setNames[low - 1].set == set else { return nil }
        return names[setNames[low - 1].name]
    }

    /// Whether a free list of any age shows that a leaf is out of use, or it is a copy of a page
    /// that is sound in its own place.
    func isStale(_ leaf: Leaf) -> Bool {
        let number = Int(leaf.number)
        guard number < freedAt.count else { return false }
        return freedAt[number] >= leaf.birth || leaf.isDisplaced && births[number] > 0
    }
}
