@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// One seed of the model test: a database and the plain sorted arrays that it must equal, through
/// random operations. Everything, the options, the kind of keys and what survives a kill included,
/// follows from the seed.
///
/// A run is a sequence of phases that grow, shrink or churn the tree, all over or at one place.
/// Snapshots and cursors are kept for long, and looked at again, while the writer changes, checkpoints,
/// compacts and imports. An operation is one call whose result is compared: a change, a read, a
/// cursor's move. The whole content is compared after whatever rewrites much of it.
///
/// Under the automatic checkpoint policy, one run in six, the database's thread works beside the
/// run; its moments do not follow from the seed, what the run must see does.
public struct ModelRun {
    /// A live snapshot and what it must show for as long as it lives.
    struct HeldSnapshot {
        let snapshot: SimulatedSnapshot
        let model: DatabaseModel
    }

    /// What a stretch of the run mostly does.
    struct Phase {
        /// Of a hundred changes, how many put and how many delete one key; the rest delete a range.
        var puts = 60
        var deletes = 37
        /// The most changes of a usual transaction.
        var batch = 20
        /// At which operation it ends.
        var end = 0
    }

    /// Operations done and compared so far.
    public internal(set) var step = 0
    /// The height of the highest tree seen.
    public private(set) var height = 0
    var random: SeededRandom
    let options: Database.Options
    var keys: KeySpace
    var phase = Phase()
    var files = CrashingFileSystem()
    var handle: SimulatedDatabase?
    var model = DatabaseModel()
    var held: [HeldSnapshot] = []
    var cursors: [LiveCursor] = []
    /// The weakest level of the commits since the last sync that is known of; nil when there is none.
    var unsynced: Database.Durability?

    var database: SimulatedDatabase { handle! }

    public init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        options = Self.options(&random)
        keys = KeySpace(&random)
        handle = try .open(on: files, options)
    }

    private static func options(_ random: inout SeededRandom) -> Database.Options {
        var options = Database.Options.small
        options.checkpointPolicy = random.element(
            of: [.inline, .inline, .inline, .manual, .manual, .automatic])
        options.syncInterval = .milliseconds(1)
        options.usesLog = !random.oneIn(8)
        options.durability = random.element(of: [.full, .full, .written, .buffered])
        options.cacheBudget = random.element(of: [
            64 << 10, 64 << 10, 128 << 10, 256 << 10, 64 << 20,
        ])
        options.dirtyBudget = random.element(of: [16 << 10, 16 << 10, 64 << 10, 8 << 20])
        options.logSegmentSize <<= random.below(4)
        options.logBudget = random.element(of: [4 << 10, 16 << 10, 100 << 10, 4 << 20])
        options.loggedTransactionLimit = random.element(of: [0, 300, 3000, 8 << 20, 8 << 20])
        options.sizeLimit = 256 << 20
        return options
    }

    /// Runs until `count` operations are done, then checks everything once more.
    public mutating func run(steps count: Int) throws {
        if random.oneIn(3) { try importSorted() }
        while step < count {
            if step >= phase.end { try beginPhase() }
            try perform()
        }
        try checkHeld()
        try walkCursors()
        letGo()
        try model.check(database)
        try database.checkSound()
        try reopen()
        try database.compact()
        try model.check(database, "after a compaction")
        try database.checkSound("after a compaction")
        if random.oneIn(4) { try scatter() }
        try database.close()
    }

    private mutating func beginPhase() throws {
        height = max(height, try database.statistics().height)
        (phase.puts, phase.deletes) = random.element(
            of: [(95, 4), (80, 19), (60, 38), (50, 49), (30, 68), (8, 90), (60, 34)])
        phase.batch = random.element(of: [2, 10, 25, 25, 80, 300])
        phase.end = step + random.number(in: 150...1000)
        switch random.below(6) {
        case 0: keys.locality = .ascending
        case 1: keys.locality = .descending
        case 2: keys.locality = .near(random.below(keys.count), width: keys.count / 8 + 2)
        default: keys.locality = .uniform
        }
    }

    private mutating func perform() throws {
        switch random.below(1000) {
        case 0..<110: try change(change())
        case 110..<240: try transaction()
        case 240..<400: try readOne()
        case 400..<500: try readOrder()
        case 500..<580: try readRange()
        case 580..<780: try moveCursors()
        case 780..<810: try openCursor()
        case 810..<840: try change(tableChange())
        case 840..<880: try readTable()
        case 880..<905: try hold()
        case 905..<920: try checkOneHeld()
        case 920..<945: if !held.isEmpty { held.remove(at: random.below(held.count)) }
        case 945..<957: try checkpoint()
        case 957..<962: try sync()
        case 962..<965: try compact()
        case 965..<970: try reopen()
        case 970..<974: try kill()
        case 974..<976: try importAndExport()
        case 976..<978: try importUnsorted()
        case 978..<980: try database.checkSound()
        default: try refuse()
        }
    }

    /// Gives up every snapshot and cursor.
    mutating func letGo() {
        held = []
        cursors = []
    }
}
