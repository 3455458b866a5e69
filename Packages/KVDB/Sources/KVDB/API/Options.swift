import PageStore

extension Database {
    /// What a commit waits for before it returns. None of the three can corrupt the database or change
    /// the order of commits; they differ in which of the newest commits a crash may take: those since
    /// the last sync, by whoever asked for it. Under the automatic checkpoint policy a thread of the
    /// database syncs too (``Options/syncInterval``). `Docs/Guarantees.md` has it all.
    public enum Durability: UInt8, Sendable, Comparable {
        /// Returns when the commit is in the log's memory. A crash of the process or of the machine
        /// may take the commits since the last sync.
        case buffered = 0
        /// Returns when the operating system has the commit. It survives the process (`kill -9`); a
        /// power cut may take the commits since the last sync.
        case written = 1
        /// Returns when the commit is on the medium. Nothing takes it away.
        case full = 2

        /// Orders by strength.
        public static func < (left: Durability, right: Durability) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    /// When the database writes its state to the data file, so that the log can be reused.
    public enum CheckpointPolicy: Sendable {
        /// A thread of the database's own does it when a budget is reached; writers and readers go on.
        case automatic
        /// The thread whose commit reaches a budget does it before its commit returns. No thread is
        /// started: for small systems and for deterministic tests.
        case inline
        /// Only `checkpoint()` and `close()` do. The log grows until
        /// then.
        case manual
    }

    /// How a database is opened. The defaults suit a server or a desktop program; opening refuses values that make
    /// no sense.
    public struct Options: Sendable {
        /// What a handle may do with a database's file, and whether the file must be there.
        public enum Access: Sendable {
            /// To read and write; a missing file is created.
            case create
            /// To read and write; a missing file is a `fileNotFound` error.
            case readWrite
            /// To read and write a new file; one that is there is a `fileExists` error.
            case createNew
            /// To read, also beside other handles that only read. Nothing is written: a log left by a crash is replayed
            /// in memory.
            case readOnly
        }

        /// Whether the database is written to or only read, and whether it must be there.
        public var access: Access
        /// What commits wait for unless they say otherwise.
        public var durability: Durability
        /// How long a write waits for the transaction before it, unless its call says otherwise: up to a day.
        /// Then it throws `timedOut` with the place where that one was begun.
        public var writerTimeout: Duration
        /// Bytes of pages kept in memory. Small is fine: the least is 64 KiB.
        public var cacheBudget: Int
        /// Bytes of changed pages kept in memory before a checkpoint or an early write-out.
        public var dirtyBudget: Int
        /// The largest size in bytes the file can grow to: 1 TiB; 4 GiB on iOS, tvOS, watchOS, visionOS and
        /// Android; 256 MiB on 32-bit systems. Only address space is reserved for it. Where the system has less
        /// left (many open databases, `ulimit -v`), the largest half, quarter and so on of it is taken, down to
        /// 256 MiB or twice the file; a database that outgrows that reports `fileTooLarge`.
        public var sizeLimit: Int
        /// When checkpoints run.
        public var checkpointPolicy: CheckpointPolicy
        /// After how long a background thread syncs `written` and `buffered` commits (automatic checkpoint
        /// policy only): from 1 ms to an hour.
        public var syncInterval: Duration
        /// Whether commits go to a log. Without it a `full` commit is a checkpoint of its own, and
        /// the weaker levels become durable only by `sync()` or a checkpoint.
        public var usesLog: Bool
        /// Bytes of log after which a checkpoint runs.
        public var logBudget: Int
        /// Bytes of one log segment: a power of two, at least 4096. The log file is a multiple of it.
        public var logSegmentSize: Int
        /// A transaction with more bytes of operations than this is not logged; it commits by a
        /// checkpoint of its own.
        public var loggedTransactionLimit: Int

        /// Whether what costs next to nothing is measured for ``Database/statistics()``: how long the log's syncs take.
        public var monitoring: Bool
        /// Is told what happens in the database: checkpoints, syncs, writes that waited long, recovery, failure. Nil, and
        /// then nothing is paid for it.
        ///
        /// It is called one event at a time, in order, on whichever thread just did some work for the database and holds no lock;
        /// so it may call the database, but the longer it takes, the longer that thread's call does. An
        /// event may come a little later than what it tells of.
        public var onEvent: (@Sendable (Event) -> Void)?
        /// How long a write waits for another one before ``Event/slowWriter(waited:behind:)`` tells of it: up to a day.
        public var slowWriterThreshold: Duration
        /// Whether what is deleted or replaced is overwritten on the medium before the checkpoint after it is
        /// done. No version of the page store can do it yet, so opening refuses it with `invalidArgument`.
        public var erasesDeleted: Bool

        /// Options with the values given, and the usual ones for the rest.
        public init(
            access: Access = .create, durability: Durability = .full,
            writerTimeout: Duration = .seconds(30), cacheBudget: Int = 64 << 20,
            dirtyBudget: Int = 32 << 20, sizeLimit: Int = PageStoreOptions.defaultSizeLimit,
            checkpointPolicy: CheckpointPolicy = .automatic,
            syncInterval: Duration = .milliseconds(100), usesLog: Bool = true,
            logBudget: Int = 64 << 20, logSegmentSize: Int = 1 << 20,
            loggedTransactionLimit: Int = 8 << 20, monitoring: Bool = true,
            onEvent: (@Sendable (Event) -> Void)? = nil,
            slowWriterThreshold: Duration = .seconds(1), erasesDeleted: Bool = false
        ) {
            self.access = access
            self.durability = durability
            self.writerTimeout = writerTimeout
            self.cacheBudget = cacheBudget
            self.dirtyBudget = dirtyBudget
            self.sizeLimit = sizeLimit
            self.checkpointPolicy = checkpointPolicy
            self.syncInterval = syncInterval
            self.usesLog = usesLog
            self.logBudget = logBudget
            self.logSegmentSize = logSegmentSize
            self.loggedTransactionLimit = loggedTransactionLimit
            self.monitoring = monitoring
            self.onEvent = onEvent
            self.slowWriterThreshold = slowWriterThreshold
            self.erasesDeleted = erasesDeleted
        }

        /// Whether the database is gone with its handle, so that no limit on what memory it takes makes sense.
        var isVolatile = false

        var isReadOnly: Bool { access == .readOnly }
    }
}

/// A database's options, as the engine takes them.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias DatabaseOptions = Database.Options

/// What a commit waits for, as the engine takes it.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias Durability = Database.Durability

/// When checkpoints run, as the engine takes it.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public typealias CheckpointPolicy = Database.CheckpointPolicy
