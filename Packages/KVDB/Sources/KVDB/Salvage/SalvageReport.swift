import PageStore
import StorageIO

/// How a salvage is done.
public struct SalvageOptions: Sendable {
    /// Whether entries are written that may be out of date, or whose table had to be guessed; see
    /// ``SalvageReport/Certainty``. What they are is in the report either way.
    public var includesUncertain = true
    /// The budget for pages of the new database in memory, in bytes.
    public var cacheBudget = 64 << 20
    /// The largest size in bytes that the new database can grow to.
    public var sizeLimit = PageStoreOptions.defaultSizeLimit
    /// How many losses the report lists; beyond that they are only counted.
    public var lossLimit = 1000

    /// The defaults.
    public init() {}
}

/// What a salvage brought back, what it could not, and how sure it is.
public struct SalvageReport: Sendable {
    /// What the salvage went by.
    public enum Basis: UInt8, Sendable {
        /// The newest superblock, and the trees that it leads to.
        case superblock
        /// The newest superblock or the catalog is lost: every sound leaf of the file was looked at,
        /// and where several had a place in the same table the newest was taken.
        case scan
    }

    /// How sure it is that an entry belongs to the newest version.
    public enum Certainty: UInt8, Sendable {
        /// Sound nodes lead to it from the newest superblock.
        case proved
        /// What led to it is damaged, but it can't be anything else: its page is in use in the newest
        /// version, and its keys have only one place.
        case recovered
        /// It may be of an older version, or of another table.
        case uncertain
    }

    /// What was written into one table.
    public struct Table: Sendable {
        /// Its name; empty for the default table.
        public var name: [UInt8]
        /// Entries by how sure they are. Before the log was applied.
        public var proved: UInt64 = 0
        /// See ``Certainty/recovered``.
        public var recovered: UInt64 = 0
        /// See ``Certainty/uncertain``; written only when asked for.
        public var uncertain: UInt64 = 0
    }

    /// Something that did not come back, or is not sure.
    public struct Loss: Sendable {
        /// What it is.
        public enum Kind: UInt8, Sendable {
            /// The entries of a range, below a damaged page.
            case range
            /// One value, whose key is known.
            case value
            /// What a log held that is lost, damaged or cut, or can't be read: commits to any table.
            case log
            /// Nothing is missing, but the entries of the range are ``Certainty/uncertain``.
            case uncertain
        }

        /// What it is.
        public var kind: Kind
        /// The table.
        public var table: [UInt8]
        /// The damaged page, or the one that the uncertain entries were found on.
        public var page: PageNumber
        /// The keys concerned; of an uncertain range from the first to the last found.
        public var keys: KeyRange
        /// How many entries are missing, or uncertain, where it can be told.
        public var entryCount: UInt64?
        /// What is wrong.
        public var reason: String
    }

    /// What the salvage went by.
    public var basis = Basis.superblock
    /// The transaction of the checkpoint that it stands on; 0 when there was none to stand on.
    public var transaction: TransactionNumber = 0
    /// The tables written, the default one first.
    public var tables: [Table] = []
    /// What is missing or not sure, at most as many as asked for.
    public var losses: [Loss] = []
    /// Losses of any kind, those not listed included.
    public var lossCount: UInt64 = 0
    /// Entries known to be missing: those that damaged pages were noted to hold, less those that
    /// came back from elsewhere.
    public var lostEntries: UInt64 = 0
    /// Places where it can't be told how many entries are missing.
    public var uncountedLosses: UInt64 = 0
    /// Sound leaves left out, because newer ones have their place.
    public var supersededLeaves: UInt64 = 0
    /// Commits of the log that were applied on top.
    public var logRecordsApplied: UInt64 = 0
    /// Commits that are in the log behind a damaged place, and so could not be applied.
    public var logRecordsLeftOut: UInt64 = 0
    /// What is wrong with the log, if anything.
    public var logDamage: StorageError?
    /// Entries in the new database, over all tables.
    public var entryCount: UInt64 = 0
    /// Pages of the damaged file that were looked at.
    public var scannedPages: UInt64 = 0

    /// Entries written or left out whose state is not sure.
    public var uncertainEntries: UInt64 { tables.reduce(0) { $0 + $1.uncertain } }

    /// Whether nothing is missing and everything is sure.
    public var isComplete: Bool {
        lossCount == 0 && logRecordsLeftOut == 0 && logDamage == nil && basis == .superblock
            && uncertainEntries == 0
    }

    init() {}
}
