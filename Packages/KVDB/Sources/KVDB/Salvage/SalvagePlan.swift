import BTree
import PageStore
import StorageIO

/// Which leaves make up which table of the salvaged database. The algorithm and what it guarantees
/// are in `Docs/Guides/Salvage.md`.
struct SalvagePlan {
    typealias Certainty = SalvageReport.Certainty

    /// A leaf of a table, by where it lies.
    struct Chunk {
        var location: PageNumber
        var certainty: Certainty
    }

    /// The chunks of a table, in key order.
    struct Table {
        var name: [UInt8]
        /// What it holds, as an encoded ``TableDescription``.
        var description: [UInt8] = []
        var chunks: [Chunk] = []
    }

    private(set) var tables: [Table] = []
    private(set) var report = SalvageReport()
    /// Pages of later transactions don't count.
    private(set) var newest: TransactionNumber
    /// Whether the log's records go on top; see ``logIsNewer(_:_:)``.
    private(set) var appliesLog = true
    private let options: SalvageOptions
    /// Leaves that may be in use, but overlap another one of their table.
    private var overlapping: [FileScan.Leaf] = []

    /// Chooses.
    init<Files: FileSystem>(
        _ survey: FileSurvey<Files>, options: SalvageOptions, _ meter: ProgressMeter
    ) throws(StorageError) {
        self.options = options
        newest = survey.newest
        let record = survey.base?.superblock.record
        report.transaction = record?.transaction ?? 0
        report.scannedPages = UInt64(survey.pages.pageCount)
        if survey.isBaseTrusted, survey.isCatalogWhole {
            try fillGaps(survey, meter)
        } else {
            if !survey.isBaseTrusted { newest = Superblock.countLimit }
            report.basis = .scan
            try gather(survey, meter)
        }
        if let reason = survey.logLoss {
            lose(
                SalvageReport.Loss(
                    kind: .log, table: [], page: 0, keys: .all, entryCount: nil, reason: reason))
        }
        separate(overlapping, "It overlaps another leaf that nothing shows to be newer.")
        report.tables = tables.map { SalvageReport.Table(name: $0.name) }
    }

    mutating func lose(_ loss: SalvageReport.Loss) {
        report.lossCount += 1
        if report.losses.count < options.lossLimit { report.losses.append(loss) }
        guard loss.kind != .uncertain else { return }
        if let count = loss.entryCount {
            let (sum, isTooMuch) = report.lostEntries.addingReportingOverflow(count)
            report.lostEntries = isTooMuch ? .max : sum
        } else {
            report.uncountedLosses += 1
        }
    }

    // MARK: By the trees

    /// Takes what the trees lead to, and for each gap the leaves of the scan that fit into it.
    private mutating func fillGaps<Files: FileSystem>(
        _ survey: FileSurvey<Files>, _ meter: ProgressMeter
    ) throws(StorageError) {
        let names = survey.tables.map { $0.name }
        for (index, table) in survey.tables.enumerated() {
            // Where no table can have the name, what it holds comes under another.
            let name = TableName.isLegal(table.name) ? table.name : freshName(besides: names)
            var own = Table(name: name, description: table.description)
            own.chunks.reserveCapacity(survey.pieces[index].count)
            tables.append(own)
        }
        var found = [[FileScan.Leaf]](repeating: [], count: survey.gaps.count)
        if !survey.gaps.isEmpty { found = try assign(survey, meter) }
        // Behind these tables come those of leaves that fit into none.
        for index in survey.tables.indices {
            for piece in survey.pieces[index] {
                switch piece {
                case .leaf(let page):
                    take(page, isDoubtful: survey.doubtful.contains(page), index)
                case .gap(let gap):
                    fill(survey.gaps[gap].fault, with: found[gap], index, survey)
                }
            }
        }
    }

    /// Takes a leaf that sound nodes lead to.
    private mutating func take(_ page: PageNumber, isDoubtful: Bool, _ table: Int) {
        let certainty: Certainty = isDoubtful ? .uncertain : .proved
        tables[table].chunks.append(Chunk(location: page, certainty: certainty))
        guard isDoubtful else { return }
        lose(
            SalvageReport.Loss(
                kind: .uncertain, table: tables[table].name, page: page, keys: .all,
                entryCount: nil, reason: "Two entries of the leaf share bytes."))
    }

    private mutating func fill<Files: FileSystem>(
        _ fault: TreeFault, with leaves: [FileScan.Leaf], _ table: Int,
        _ survey: FileSurvey<Files>
    ) {
        var count: UInt64 = 0
        for leaf in disjoint(leaves, areInUse: survey.isFreeListWhole) {
            // Whatever is neither free nor reached is in use, if the free list is whole.
            let isSure = survey.isFreeListWhole && !leaf.isDisplaced
            add(leaf, isSure ? .recovered : .uncertain, to: table, fault.message)
            count += UInt64(leaf.count)
        }
        guard fault.entryCount > count else { return }
        lose(
            SalvageReport.Loss(
                kind: .range, table: tables[table].name, page: fault.page,
                keys: KeyRange(from: fault.low, upTo: fault.high),
                entryCount: fault.entryCount - count, reason: fault.message))
    }

    private mutating func add(
        _ leaf: FileScan.Leaf, _ certainty: Certainty, to table: Int, _ reason: String
    ) {
        tables[table].chunks.append(Chunk(location: leaf.location, certainty: certainty))
        guard certainty == .uncertain else { return }
        lose(
            SalvageReport.Loss(
                kind: .uncertain, table: tables[table].name, page: leaf.location,
                keys: KeyRange(from: leaf.first, upTo: leaf.last), entryCount: UInt64(leaf.count),
                reason: reason))
    }

    /// The leaves of the scan that fit into each gap. Those that fit into gaps of several tables, or
    /// none, become tables of their own.
    private mutating func assign<Files: FileSystem>(
        _ survey: FileSurvey<Files>, _ meter: ProgressMeter
    ) throws(StorageError) -> [[FileScan.Leaf]] {
        let gaps = survey.gaps.indices.filter { survey.gaps[$0].table != nil }
        let deep = gaps.filter { survey.gaps[$0].fault.level > 0 || survey.gaps[$0].fault.isStale }
        let isAmbiguous = deep.contains { survey.gaps[$0].table != survey.gaps[deep[0]].table }
        var scan = try FileScan(
            survey, newest: newest, tracesTables: isAmbiguous || !survey.isFreeListWhole, meter)
        var found = [[FileScan.Leaf]](repeating: [], count: survey.gaps.count)
        var strays: [FileScan.Leaf] = []
        // A leaf out of use, which no free list tells any more, may be of a table that was dropped.
        let mayBeForeign = !survey.isFreeListWhole && !scan.names.allSatisfy { $0.isEmpty }
        for leaf in scan.leaves where !scan.isStale(leaf) {
            // Only a leaf in a wrong place can be one that is missing at a right one.
            let possible = leaf.isDisplaced ? gaps : deep
            var fitting = possible.filter { Self.fits(leaf, survey.gaps[$0].fault) }
            if !fitting.isEmpty {
                if let name = scan.table(of: leaf) {
                    fitting.removeAll { gap in
                        survey.gaps[gap].table.map { survey.tables[$0].name } != name
                    }
                } else if mayBeForeign {
                    strays.append(leaf)
                    continue
                }
            }
            if fitting.count == 1 {
                found[fitting[0]].append(leaf)
            } else if fitting.count > 1 || survey.isFreeListWhole {
                strays.append(leaf)
            }
        }
        separate(strays, "The leaf has a place in several tables, or in none.")
        return found
    }

    private static func fits(_ leaf: FileScan.Leaf, _ fault: TreeFault) -> Bool {
        // A lost leaf can only be itself, found elsewhere; any other one is an older version.
        if fault.level == 0, !fault.isStale, leaf.number != fault.page { return false }
        if let low = fault.low, leaf.first.lexicographicallyPrecedes(low) { return false }
        if let high = fault.high, !leaf.last.lexicographicallyPrecedes(high) { return false }
        return true
    }

    // MARK: By the pages

    /// Takes every leaf of the file that may be in use, table by table.
    private mutating func gather<Files: FileSystem>(
        _ survey: FileSurvey<Files>, _ meter: ProgressMeter
    ) throws(StorageError) {
        var scan = try FileScan(
            survey, takesAll: true, newest: newest, tracesTables: true, meter)
        let isSure = survey.isBaseTrusted && survey.isFreeListWhole
        let isSingle = Self.isSingle(survey, scan)
        var named: [(name: [UInt8], leaves: [FileScan.Leaf])] = []
        var strays: [FileScan.Leaf] = []
        for leaf in scan.leaves where !scan.isStale(leaf) {
            guard let name = scan.table(of: leaf) ?? (isSingle ? [] : nil) else {
                strays.append(leaf)
                continue
            }
            if let index = named.firstIndex(where: { $0.name == name }) {
                named[index].leaves.append(leaf)
            } else {
                named.append((name, [leaf]))
            }
        }
        named.sort { $0.name.lexicographicallyPrecedes($1.name) }
        let reason = "Its place in the newest version is lost."
        for (name, leaves) in named {
            tables.append(Table(name: name, description: scan.description(of: name)))
            for leaf in disjoint(leaves, areInUse: isSure) {
                let isRecovered = isSure && !leaf.isDisplaced
                add(leaf, isRecovered ? .recovered : .uncertain, to: tables.count - 1, reason)
            }
        }
        separate(strays, "Its table is lost.")
        appliesLog = survey.isBaseTrusted || Self.logIsNewer(survey.log, scan)
        lose(
            SalvageReport.Loss(
                kind: .range, table: [], page: survey.base?.superblock.record.catalogRoot ?? 0,
                keys: .all, entryCount: nil,
                reason: survey.isBaseTrusted
                    ? "The catalog is damaged; what else is missing can't be told."
                    : "The newest superblock is lost; what else is missing can't be told."))
    }

    /// Whether there is no table but the default one: by the superblock's count, or by the catalogs of
    /// any age. Where neither is left, nothing tells, and two tables must not be taken for one.
    private static func isSingle<Files: FileSystem>(
        _ survey: FileSurvey<Files>, _ scan: FileScan
    ) -> Bool {
        let isNoneNamed = scan.names.allSatisfy { $0.isEmpty }
        guard let base = survey.base else { return !scan.names.isEmpty && isNoneNamed }
        let isCountedSingle = base.superblock.record.catalogCount == 1
        return isCountedSingle && (survey.isBaseTrusted || isNoneNamed)
    }

    /// Whether a log without a superblock that says where it goes on ends above all that the pages
    /// have. One that ends below, because its end is damaged, would turn newer pages back.
    ///
    /// A free list is of a checkpoint, which the log reaches as long as its end is there. Leaves may be
    /// newer than a whole log: a transaction that was never committed leaves them.
    private static func logIsNewer(_ log: LogSurvey, _ scan: FileScan) -> Bool {
        guard log.lastTransaction >= scan.newestList else { return false }
        return log.damage == nil || scan.leaves.allSatisfy { $0.birth <= log.lastTransaction }
    }

    // MARK: Parts

    /// Of leaves of one table those that can be of one version, in key order: where two overlap, the
    /// newer one. A leaf in use is never overlapped by a newer one. Of the same transaction, one was
    /// written out and replaced before the commit, and nothing tells which: the other one is put
    /// aside, and so is every one when all are in use, since then they are of two tables.
    private mutating func disjoint(
        _ leaves: [FileScan.Leaf], areInUse: Bool
    ) -> [FileScan.Leaf] {
        var ordered = leaves
        ordered.sort { $0.first.lexicographicallyPrecedes($1.first) }
        var isDisjoint = true
        for index in ordered.indices.dropFirst() where ordered[index - 1].overlaps(ordered[index]) {
            isDisjoint = false
        }
        if isDisjoint { return ordered }
        ordered.sort { $0.birth == $1.birth ? $0.count > $1.count : $0.birth > $1.birth }
        var taken: [FileScan.Leaf] = []
        for leaf in ordered {
            var (low, high) = (0, taken.count)
            while low < high {
                let middle = (low + high) / 2
                if taken[middle].last.lexicographicallyPrecedes(leaf.first) {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            if low < taken.count, taken[low].overlaps(leaf) {
                let others = taken[low...].prefix { $0.overlaps(leaf) }
                if !leaf.isDisplaced, areInUse || others.contains(where: { $0.birth == leaf.birth })
                {
                    overlapping.append(leaf)
                } else {
                    report.supersededLeaves += 1
                }
            } else {
                taken.insert(leaf, at: low)
            }
        }
        return taken
    }

    /// Puts leaves whose table can't be told into tables of their own, `salvaged-1` and so on: as many
    /// as it takes for none to overlap, so that nothing is dropped.
    private mutating func separate(_ leaves: [FileScan.Leaf], _ reason: String) {
        var ordered = leaves
        ordered.sort { $0.first.lexicographicallyPrecedes($1.first) }
        var ends: [(table: Int, last: [UInt8])] = []
        for leaf in ordered {
            if let index = ends.firstIndex(where: { $0.last.lexicographicallyPrecedes(leaf.first) })
            {
                ends[index].last = leaf.last
                add(leaf, .uncertain, to: ends[index].table, reason)
            } else {
                tables.append(Table(name: freshName()))
                ends.append((tables.count - 1, leaf.last))
                add(leaf, .uncertain, to: tables.count - 1, reason)
            }
        }
    }

    private func freshName(besides others: [[UInt8]] = []) -> [UInt8] {
        var number = 1
        while true {
            let name = Array("salvaged-\(number)".utf8)
            if !tables.contains(where: { $0.name == name }), !others.contains(name) { return name }
            number += 1
        }
    }
}
