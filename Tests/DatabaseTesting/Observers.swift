import StorageIO
import StorageIOTesting

/// File systems as they were at some moments of a run, and how far it had come.
public final class Moments: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    public struct Moment {
        public let files: CrashingFileSystem
        public let progress: CrashWorkload.Progress
        public let name: String
    }

    public var progress = CrashWorkload.Progress()
    public private(set) var all: [Moment] = []

    public init() {}

    public func add(_ files: CrashingFileSystem, _ name: String) {
        all.append(Moment(files: files, progress: progress, name: name))
    }
}

/// The values that were read at some moments of a run.
public final class Seen: @unchecked Sendable {
    // Sendable: only used by the thread that runs the test.
    public private(set) var values: [[UInt8]?] = []

    public init() {}

    public func add(_ moment: String, _ value: [UInt8]??) { values.append(value ?? nil) }
}

/// The operations of a run, in order.
public final class Operations: @unchecked Sendable {
    // Sendable: `lock` guards `operations`.
    private let lock = Lock()
    private var operations: [FileOperation] = []

    public init() {}

    public var all: [FileOperation] { lock.withLock { operations } }

    public func add(_ operation: FileOperation) { lock.withLock { operations.append(operation) } }

    public func clear() { lock.withLock { operations = [] } }

    public func count(of kind: FileOperation.Kind) -> Int { all.filter { $0.kind == kind }.count }
}

/// Watches the order of writes and syncs: what may come before a superblock (R2).
public final class WriteOrder: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    private var unsyncedPages: Set<UInt64> = []
    private var isLogUnsynced = false
    public private(set) var superblocks = 0
    public private(set) var violations: [String] = []

    public init() {}

    public func note(_ operation: FileOperation) {
        let isLog = operation.path.hasSuffix("-wal")
        // The draft of a new database is made whole before it gets its name.
        guard isLog || operation.path == SimulatedDatabase.testPath else { return }
        switch operation.kind {
        case .sync:
            if isLog { isLogUnsynced = false } else { unsyncedPages = [] }
        case .write where isLog: isLogUnsynced = true
        case .write where operation.offset < 8192:
            superblocks += 1
            if !unsyncedPages.isEmpty || isLogUnsynced {
                violations.append("\(operation), \(unsyncedPages.count) pages not synced")
            }
            unsyncedPages.insert(operation.offset / 4096)
        case .write:
            unsyncedPages.insert(operation.offset / 4096)
        default: break
        }
    }
}

/// What power cuts during a checkpoint would leave, and what was acknowledged by then.
public final class Cuts: @unchecked Sendable {
    // Sendable: only used by the thread that runs the test.
    public var acknowledged = 0
    public var all: [(files: CrashingFileSystem, acknowledged: Int, place: String)] = []
    private var isInside = false

    public init() {}

    /// Whether this is not the work of an operation that is already being looked at.
    public func enter() -> Bool {
        defer { isInside = true }
        return !isInside
    }

    public func leave() { isInside = false }
}
