import StorageIO
import StorageIOTesting

/// File systems as they were at some moments of a run, and how far it had come.
final class Moments: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    struct Moment {
        let files: CrashingFileSystem
        let progress: CrashWorkload.Progress
        let name: String
    }

    var progress = CrashWorkload.Progress()
    private(set) var all: [Moment] = []

    func add(_ files: CrashingFileSystem, _ name: String) {
        all.append(Moment(files: files, progress: progress, name: name))
    }
}

/// The values that were read at some moments of a run.
final class Seen: @unchecked Sendable {
    // Sendable: only used by the thread that runs the test.
    private(set) var values: [[UInt8]?] = []

    func add(_ moment: String, _ value: [UInt8]??) { values.append(value ?? nil) }
}

/// The operations of a run, in order.
final class Operations: @unchecked Sendable {
    // Sendable: `lock` guards `operations`.
    private let lock = Lock()
    private var operations: [FileOperation] = []

    var all: [FileOperation] { lock.withLock { operations } }

    func add(_ operation: FileOperation) { lock.withLock { operations.append(operation) } }

    func clear() { lock.withLock { operations = [] } }

    func count(of kind: FileOperation.Kind) -> Int { all.filter { $0.kind == kind }.count }
}

/// Watches the order of writes and syncs: what may come before a superblock (R2).
final class WriteOrder: @unchecked Sendable {
    // Sendable: only used by the thread that runs the script.
    private var unsyncedPages: Set<UInt64> = []
    private var isLogUnsynced = false
    private(set) var superblocks = 0
    private(set) var violations: [String] = []

    func note(_ operation: FileOperation) {
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
final class Cuts: @unchecked Sendable {
    // Sendable: only used by the thread that runs the test.
    var acknowledged = 0
    var all: [(files: CrashingFileSystem, acknowledged: Int, place: String)] = []
    private var isInside = false

    /// Whether this is not the work of an operation that is already being looked at.
    func enter() -> Bool {
        defer { isInside = true }
        return !isInside
    }

    func leave() { isInside = false }
}
