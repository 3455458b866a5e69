import BTree
import PageStore
import StorageIO

/// What a verification found.
public struct VerificationReport: Sendable {
    /// One thing that is wrong.
    public struct Finding: Sendable {
        /// What kind of thing it is. Names and raw values stay the same in later versions.
        public enum Kind: UInt8, Sendable, CaseIterable {
            /// A page's checksum is wrong.
            case checksum = 1
            /// A page says that it is another one: swapped, or a misdirected write.
            case wrongPage
            /// A page or node is of another kind or level than what leads to it.
            case wrongKind
            /// A page is newer than the database, or than what leads to it.
            case wrongBirth
            /// A page's content breaks its format.
            case structure
            /// The system can't read a page.
            case unreadable
            /// A reference leads beyond the pages of the database, or the file was cut before it.
            case beyondEnd
            /// A page in use is listed as free.
            case freeInUse
            /// A page is used twice.
            case usedTwice
            /// Keys don't ascend, or lie outside their separators.
            case order
            /// A node or root counts other entries than there are.
            case count
            /// A page, or a run of them, is neither in use nor free.
            case lost
            /// The free list.
            case freeList
            /// The catalog's record of a table.
            case catalog
            /// The superblocks.
            case superblock
            /// The log.
            case log
            /// The log is not there.
            case missingLog
            /// The file is no database of this kind, or of a newer version.
            case file
            /// A secondary index is not in step with its table's rows.
            case index

            /// The kind's name, for people and machines.
            public var name: String {
                switch self {
                case .checksum: "checksum"
                case .wrongPage: "wrong_page"
                case .wrongKind: "wrong_kind"
                case .wrongBirth: "wrong_birth"
                case .structure: "structure"
                case .unreadable: "unreadable"
                case .beyondEnd: "beyond_end"
                case .freeInUse: "free_in_use"
                case .usedTwice: "used_twice"
                case .order: "order"
                case .count: "count"
                case .lost: "lost"
                case .freeList: "free_list"
                case .catalog: "catalog"
                case .superblock: "superblock"
                case .log: "log"
                case .missingLog: "missing_log"
                case .file: "file"
                case .index: "index"
                }
            }
        }

        /// What to do about it.
        public enum Advice: UInt8, Sendable {
            /// Build a new database from what is sound.
            case salvage
            /// Bring the log back; without it, salvage.
            case restoreLog
            /// Copy the file to a sound device first.
            case copyFirst
            /// It is the wrong file, or wants a newer version of the program.
            case checkFile

            /// The next command, or what else to do, for the database at `path`.
            public func text(_ path: String) -> String {
                switch self {
                case .salvage: "kvtools salvage \(path) NEW"
                case .restoreLog:
                    "put the log back as \(path)-wal; if it is lost: kvtools salvage \(path) NEW"
                case .copyFirst:
                    "copy the files to a sound device, then: kvtools salvage COPY NEW"
                case .checkFile: "check the path, or use the newest version of kvtools"
                }
            }
        }

        /// What kind of thing it is.
        public var kind: Kind
        /// What is wrong and where: message, path, page, offset in the file.
        public var error: StorageError
        /// What should be there.
        public var expected: String?
        /// What is there.
        public var found: String?
        /// The table it concerns, nil when none in particular; the default table's name is empty.
        public var table: [UInt8]?
        /// The keys that may be affected, by the separators around the place; nil when it is none of
        /// a tree.
        public var keys: KeyRange?
        /// How many entries the range is noted to hold.
        public var entryCount: UInt64?
        /// The one key that is affected, where it is only one.
        public var key: [UInt8]?
        /// What to do.
        public var advice: Advice

        init(
            _ kind: Kind, _ error: StorageError, expected: String? = nil, found: String? = nil,
            advice: Advice = .salvage
        ) {
            self.kind = kind
            self.error = error
            self.expected = expected
            self.found = found
            self.advice = advice
        }
    }

    /// What is wrong, in the order in which it was found; empty when the database is sound.
    public var findings: [Finding] = []
    /// Findings of any kind, those beyond the first thousand, which are not listed, included.
    public var findingCount: UInt64 = 0
    /// Whether one of the two superblocks is neither sound nor blank, as a crash in the middle of
    /// writing it leaves it. It is no damage as long as the other one and the log are there, and the
    /// next checkpoint writes it anew.
    public var isSpareSuperblockDamaged = false
    /// Whether the log's file is no whole number of segments, though a log is in use: as a rule it was
    /// cut, by a copy that ran out of space for example, and what was committed behind the cut is gone. A
    /// crash while the system extends the file may leave the same, and then nothing is lost; so this is
    /// no damage by itself.
    public var isLogCut = false
    /// Pages looked at.
    public var checkedPages: UInt64 = 0
    /// Entries counted, over all tables: with damage those that could be reached.
    public var entryCount: UInt64 = 0
    /// Named tables in the catalog whose records could be read.
    public var tableCount: UInt64 = 0
    /// What each sound tree is made of.
    public var trees: [TreeComposition] = []
    /// Free pages in the free list.
    public var freePages: UInt64 = 0
    /// Pages replaced but not free yet.
    public var pendingPages: UInt64 = 0
    /// Records of the log that were read.
    public var logRecords: UInt64 = 0

    /// Whether nothing is wrong.
    public var isSound: Bool { findings.isEmpty }

    /// The most findings that are kept; a file that is all wrong needs no longer list.
    static var findingLimit: Int { 1000 }

    init() {}

    mutating func add(_ finding: Finding) {
        findingCount += 1
        if findings.count < Self.findingLimit { findings.append(finding) }
    }

    /// Adds damage that something else met.
    #if !hasFeature(Embedded)
        @_spi(Engine)
    #endif
    public mutating func add(_ error: StorageError) {
        let isLog = error.logSequenceNumber != nil
        add(Finding(isLog ? .log : .structure, error, advice: isLog ? .restoreLog : .salvage))
    }

    /// Adds what a survey found in a tree.
    mutating func add(_ fault: TreeFault, table: [UInt8]?, path: String) {
        var finding = Finding(
            Finding.Kind(fault),
            StorageError(
                .damaged, fault.message, path: path, page: fault.page,
                offset: UInt64(fault.page) << UInt64(PageLayout.pageShift)),
            expected: fault.expected, found: fault.found)
        if let error = fault.systemError {
            finding.error = error
            finding.error.page = fault.page
            finding.advice = .copyFirst
        }
        finding.table = table
        finding.keys = KeyRange(from: fault.low, upTo: fault.high)
        finding.entryCount = fault.entryCount
        finding.key = fault.key
        add(finding)
    }
}

extension VerificationReport.Finding.Kind {
    init(_ fault: TreeFault) {
        switch fault.kind {
        case .page(let flaw), .value(let flaw): self.init(flaw)
        case .level: self = .wrongKind
        case .stale: self = .wrongBirth
        case .order, .belowSeparator, .aboveSeparator: self = .order
        case .count: self = .count
        case .usedTwice, .valueUsedTwice: self = .usedTwice
        case .root: self = .catalog
        }
    }

    private init(_ flaw: PageFlaw) {
        switch flaw {
        case .beyondEnd, .cut: self = .beyondEnd
        case .unreadable: self = .unreadable
        case .checksum: self = .checksum
        case .number: self = .wrongPage
        case .kind: self = .wrongKind
        case .birth: self = .wrongBirth
        case .structure, .length: self = .structure
        case .free: self = .freeInUse
        }
    }
}
