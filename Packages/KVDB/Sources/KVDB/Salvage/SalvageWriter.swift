import BTree
import PageStore
import StorageIO
import WAL

/// Writes the leaves of a plan, then the log's records, into a new database, as one transaction.
struct SalvageWriter<Files: FileSystem> {
    typealias Store = FilePageStore<Files.Handle>

    let core: Engine<Store, WriteAheadLog<Files>>
    let survey: FileSurvey<Files>
    private(set) var plan: SalvagePlan
    private let options: SalvageOptions
    private let meter: ProgressMeter
    /// First pages of the overflow runs that were written: a run holds one value.
    private var usedRuns: PageSet
    private let buffer = PageBuffer(pageCount: 1)
    private var tables: [SalvageReport.Table] = []

    init(
        core: Engine<Store, WriteAheadLog<Files>>, survey: FileSurvey<Files>,
        plan: SalvagePlan, options: SalvageOptions, meter: ProgressMeter
    ) {
        self.core = core
        self.survey = survey
        self.plan = plan
        self.options = options
        self.meter = meter
        usedRuns = PageSet(limit: survey.pages.pageCount)
    }

    /// Writes everything and commits.
    mutating func run() throws(StorageError) -> SalvageReport {
        let token = try core.begin(.call, logged: false)
        do {
            core.writer.isChanged = true
            try meter.begin(
                .writing, .pages, total: plan.tables.reduce(0) { $0 + $1.chunks.count })
            // Indexes are left out; see `dropIndexes`.
            for table in plan.tables {
                if IndexName.isReserved(table.name) {
                    try meter.advance(pages: table.chunks.count)
                } else {
                    try write(table)
                }
            }
            try meter.end()
            if plan.appliesLog { try applyLog() }
            try dropIndexes()
        } catch {
            core.rollback(token)
            throw error
        }
        try core.commit(token, .full)
        var report = plan.report
        report.tables = tables
        let log = survey.log
        report.logRecordsApplied = plan.appliesLog ? log.records : 0
        report.logRecordsLeftOut = log.leftOut + (plan.appliesLog ? 0 : log.records)
        report.logDamage = log.damage
        return report
    }

    /// Drops the indexes, and says so in the records of their tables: nothing shows that they are in step with rows of
    /// which some may be lost, or older. An app builds them anew.
    private func dropIndexes() throws(StorageError) {
        let writer = core.writer
        for place in 1..<max(writer.tables.count, 1) where writer.tables[place].isThere {
            let table = writer.tables[place]
            if IndexName.isReserved(core.tables.name(of: table.id)) {
                _ = try core.dropTable(table.id)
                continue
            }
            var description = try core.description(of: table.kind)
            guard !description.indexes.isEmpty else { continue }
            description.indexes = []
            core.noteKind(place, core.tables.kind(of: description.encoded))
        }
    }

    private mutating func write(_ table: SalvagePlan.Table) throws(StorageError) {
        var account = SalvageReport.Table(name: table.name)
        let loader = BulkLoader(store: core.store)
        for chunk in table.chunks {
            try write(chunk, to: loader, &account)
            try meter.advance(pages: 1)
        }
        let root = try loader.finish()
        tables.append(account)
        guard !table.name.isEmpty else {
            core.writer.main = BPlusTree(store: core.store, root: root)
            return
        }
        // A table with nothing but uncertain entries that were not asked for isn't there.
        let isFound = account.uncertain == 0 || root.entryCount > 0
        guard isFound else { return }
        let place = try core.writer.create(core.tables.id(of: table.name))
        core.noteKind(place, core.tables.kind(of: table.description))
        core.writer.setTree(BPlusTree(store: core.store, root: root), at: place)
    }

    private mutating func write(
        _ chunk: SalvagePlan.Chunk, to loader: BulkLoader<Store>,
        _ account: inout SalvageReport.Table
    ) throws(StorageError) {
        let flaw = survey.pages.readNode(
            chunk.location, newest: plan.newest, isDisplaced: true, into: buffer)
        guard flaw == nil, let leaf = LeafContents(buffer.page(0)) else {
            plan.lose(
                SalvageReport.Loss(
                    kind: .range, table: account.name, page: chunk.location, keys: .all,
                    entryCount: nil, reason: "The page changed while it was read."))
            return
        }
        let isWritten = chunk.certainty != .uncertain || options.includesUncertain
        for index in 0..<leaf.count {
            let key = leaf.key(index)
            if isWritten {
                guard try write(key, leaf.value(index), to: loader, account.name) else { continue }
            }
            switch chunk.certainty {
            case .proved: account.proved += 1
            case .recovered: account.recovered += 1
            case .uncertain: account.uncertain += 1
            }
        }
        leaf.extendLifetime()
        if core.dirtyByteCount / 2 > core.options.dirtyBudget { try core.store.writeOutDirty() }
    }

    /// - Returns: whether the value could be read.
    private mutating func write(
        _ key: ByteView, _ value: LeafValue, to loader: BulkLoader<Store>, _ table: [UInt8]
    ) throws(StorageError) -> Bool {
        switch value {
        case .inline(let bytes): return try append(key, bytes, to: loader)
        case .overflow(let page, let byteCount):
            var reason = "Another value uses the same overflow run."
            if usedRuns.insert(Int(page)) {
                let run = survey.pages.readRun(
                    page, byteCount: byteCount, newest: plan.newest,
                    pageLimit: survey.pages.pageCount)
                if let run {
                    if core.dirtyByteCount / 2 > core.options.dirtyBudget {
                        try core.store.writeOutDirty()
                    }
                    return try append(
                        key, run.bytes.dropFirst(PageLayout.headerSize).prefix(byteCount),
                        to: loader)
                }
                reason = "The overflow run that holds the value is damaged."
            }
            plan.lose(
                SalvageReport.Loss(
                    kind: .value, table: table, page: page,
                    keys: KeyRange(from: key.array, upTo: key.array + [0]), entryCount: 1,
                    reason: reason))
            return false
        }
    }

    /// Leaves of a hostile file may be in disorder; the first entry counts then.
    private func append(
        _ key: ByteView, _ value: ByteView, to loader: BulkLoader<Store>
    ) throws(StorageError) -> Bool {
        do throws(StorageError) {
            try loader.append(key, value)
            return true
        } catch {
            guard error.code == .notSorted else { throw error }
            return false
        }
    }

    private mutating func applyLog() throws(StorageError) {
        try survey.forEachLogRecord { payload throws(StorageError) in
            try core.writer.replay(payload)
            if core.dirtyByteCount / 2 > core.options.dirtyBudget {
                try core.store.writeOutDirty()
            }
        }
    }
}
