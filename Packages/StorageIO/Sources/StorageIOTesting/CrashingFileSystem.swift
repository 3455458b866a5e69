import StorageIO

/// A deterministic file system in memory that fails and crashes where a test wants it.
///
/// # Fault model
///
/// **Medium.** A sector of 512 bytes is written wholly or not at all. `File.sync` makes durable
/// what was written to that file before, and its size; nothing else does. Between two syncs each
/// sector that was written may survive in any of its states since the last sync, on its own,
/// whatever the order of the writes; a file's size changes survive in their order, as a prefix.
/// Where a file's size survives but a sector does not, it reads as before, or as zeros or garbage
/// if the file never reached there. See ``Survival`` for the subsets that ``survivors(seed:)`` draws.
///
/// **Names.** Creations, removals and renames are durable after `FileSystem.syncDirectory` of their
/// directory; syncing a file does not make its name durable. Before that they survive as a prefix
/// of their order, as a journaling file system has it. A rename happens wholly or not at all. A
/// removed file whose removal does not survive is there with its content.
///
/// **Crash.** Operation N (``crash(at:)``) takes effect as if under way, then it and every later
/// call throws. A power cut can also be looked at without one: ``survivors(seed:)`` at any moment,
/// for instance in ``beforeOperation``, gives what would be left then.
///
/// **Faults.** A failing operation (``fail(operation:of:with:forever:)``) has no effect, except: of
/// a failing write a random beginning is written; a failing sync loses the unsynced changes for
/// good, but for a random subset that became durable, and readers see the loss at once. With
/// ``capacity`` set the disk is full at that size.
///
/// **Not modelled.** Bit rot, misdirected writes, torn sectors, a medium that lies about a sync,
/// renames that survive in another order than they were made, reads that fail in part, `lock`,
/// `size` and `exists` calls that fail (they are not counted either), and locks that outlive a
/// crash.
///
/// Operations are numbered from 1. Everything is one lock deep: threads may use it, but then the
/// numbers depend on their order.
public final class CrashingFileSystem: FileSystem, @unchecked Sendable {
    // Sendable: everything that changes is only touched under `lock`.

    /// A name's change since the last sync of its directory.
    private struct NameChange {
        enum Kind {
            case create(String, CrashingContents)
            case remove(String)
            case rename(String, String)
        }
        var number: Int
        var kind: Kind
    }

    private struct Fault {
        var number: Int
        var kinds: FileOperation.Kind
        var code: StorageError.Code
        var forever: Bool
    }

    let lock = Lock()
    /// The names that reads see, and those that are durable.
    private var names: [String: CrashingContents] = [:]
    private var durableNames: [String: CrashingContents] = [:]
    private var nameChanges: [NameChange] = []
    private var counts = [Int](repeating: 0, count: 9)
    private var faults: [Fault] = []
    private var crashNumber: Int?
    private var isCrashed = false
    private var nextHandle = 0
    private var hook: (@Sendable (FileOperation) -> Void)?
    private var sizeLimit: UInt64?

    /// A file system without files, faults or crash.
    public init() {}

    // MARK: Counting

    /// How many operations there were so far.
    public var operationCount: Int { count(of: .all) }

    /// How many operations of these kinds there were so far.
    public func count(of kinds: FileOperation.Kind) -> Int {
        lock.withLock { countLocked(kinds) }
    }

    private func countLocked(_ kinds: FileOperation.Kind) -> Int {
        counts.indices.reduce(0) { $0 + (kinds.rawValue >> $1 & 1 != 0 ? counts[$1] : 0) }
    }

    /// Called before each operation takes effect, outside of all locks, so it may look at
    /// ``survivors(seed:)``.
    public var beforeOperation: (@Sendable (FileOperation) -> Void)? {
        get { lock.withLock { hook } }
        set { lock.withLock { hook = newValue } }
    }

    // MARK: Faults

    /// Makes an operation fail.
    ///
    /// - Parameters:
    ///   - number: which one, counted from 1 among all operations of these kinds since the file
    ///     system was made: `count(of: kinds) + 1` is the next.
    ///   - kinds: what may fail; all by default.
    ///   - code: the error's code.
    ///   - forever: whether all later ones fail too.
    public func fail(
        operation number: Int, of kinds: FileOperation.Kind = .all,
        with code: StorageError.Code = .inputOutput, forever: Bool = false
    ) {
        lock.withLock {
            faults.append(Fault(number: number, kinds: kinds, code: code, forever: forever))
        }
    }

    /// Forgets all faults that were asked for.
    public func clearFaults() {
        lock.withLock { faults.removeAll() }
    }

    /// The disk's size in bytes, nil for no limit. Files count with their sizes, holes and all, and
    /// only as long as they have a name. Growing past it is a `diskFull` error.
    public var capacity: UInt64? {
        get { lock.withLock { sizeLimit } }
        set { lock.withLock { sizeLimit = newValue } }
    }

    /// Makes operation `number` (of all kinds) the last one: it and every later call throws
    /// `inputOutput`.
    public func crash(at number: Int) {
        lock.withLock { crashNumber = number }
    }

    /// Crashes now, between two operations.
    public func crash() {
        lock.withLock { isCrashed = true }
    }

    /// Whether the crash has come.
    public var hasCrashed: Bool {
        lock.withLock { isCrashed }
    }

    private static func crashed(_ path: String) -> StorageError {
        StorageError(.inputOutput, "The system has crashed (simulated).", path: path)
    }

    // MARK: Operations

    /// Counts an operation and runs `effect` under the lock, unless it is to fail or to crash.
    ///
    /// - Parameters:
    ///   - effect: given the operation's number.
    ///   - failed: what an injected fault does instead of `effect`.
    func perform<Result>(
        _ kind: FileOperation.Kind, _ path: String, offset: UInt64 = 0, byteCount: Int = 0,
        failed: (Int) -> Void = { _ in },
        effect: (Int) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        lock.acquire()
        if isCrashed {
            lock.release()
            throw Self.crashed(path)
        }
        counts[kind.rawValue.trailingZeroBitCount] += 1
        let number = countLocked(.all)
        let fault = fault(number, kind, path)
        if let hook {
            lock.release()
            hook(
                FileOperation(
                    number: number, kind: kind, path: path, offset: offset, byteCount: byteCount))
            lock.acquire()
        }
        if isCrashed {
            lock.release()
            throw Self.crashed(path)
        }
        if let crashNumber, number >= crashNumber {
            // A sync under way has not made anything durable for sure; a change may have got
            // anywhere, so it stands among the pending ones.
            let isSync = kind == .sync || kind == .syncDirectory
            let discarded = isSync ? nil : try? effect(number)
            isCrashed = true
            lock.release()
            // A file just opened takes the lock when it goes.
            withExtendedLifetime(discarded) {}
            throw Self.crashed(path)
        }
        defer { lock.release() }
        if let fault {
            failed(number)
            throw fault
        }
        return try effect(number)
    }

    /// The error that the operation just counted is to fail with.
    private func fault(
        _ number: Int, _ kind: FileOperation.Kind, _ path: String
    ) -> StorageError? {
        for fault in faults where fault.kinds.contains(kind) {
            let count = countLocked(fault.kinds)
            if count == fault.number || (fault.forever && count > fault.number) {
                let name = FileOperation.Kind.names[kind.rawValue.trailingZeroBitCount]
                return StorageError(
                    fault.code, "Injected fault at operation \(number) (\(name)).", path: path)
            }
        }
        return nil
    }

    /// Throws after the crash; for the calls that are not counted. Under the lock.
    func checkRunning(_ path: String) throws(StorageError) {
        if isCrashed { throw Self.crashed(path) }
    }

    /// How many bytes files may still grow by. Under the lock.
    func spaceLeft() -> UInt64 {
        guard let sizeLimit else { return .max }
        let used = names.values.reduce(0) { $0 + $1.current.size }
        return used < sizeLimit ? sizeLimit - used : 0
    }

    /// Opens `path`; see ``FileSystem/open(_:_:)``.
    public func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> CrashingFile {
        try perform(.open, path) { number throws(StorageError) in
            var contents = names[path]
            if contents != nil, mode == .createNew {
                throw StorageError(.fileExists, "The file exists already.", path: path)
            }
            if contents == nil {
                if mode == .readOnly || mode == .readWrite {
                    throw StorageError(.fileNotFound, "The file does not exist.", path: path)
                }
                let created = CrashingContents()
                names[path] = created
                nameChanges.append(NameChange(number: number, kind: .create(path, created)))
                contents = created
            }
            nextHandle += 1
            return CrashingFile(
                path: path, fileSystem: self, contents: contents!, handle: nextHandle,
                isReadOnly: mode == .readOnly)
        }
    }

    /// Whether something is there under this name.
    public func exists(_ path: String) throws(StorageError) -> Bool {
        lock.acquire()
        defer { lock.release() }
        try checkRunning(path)
        return names[path] != nil
    }

    /// Removes the name; handles that are open keep the file.
    public func remove(_ path: String) throws(StorageError) {
        try perform(.remove, path) { number throws(StorageError) in
            guard names.removeValue(forKey: path) != nil else {
                throw StorageError(.fileNotFound, "The file does not exist.", path: path)
            }
            nameChanges.append(NameChange(number: number, kind: .remove(path)))
        }
    }

    /// Gives a file another name in one step; see ``FileSystem/rename(_:to:replacing:)``.
    public func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try perform(.rename, from) { number throws(StorageError) in
            guard let contents = names[from] else {
                throw StorageError(.fileNotFound, "The file does not exist.", path: from)
            }
            if names[to] != nil, !replacing {
                throw StorageError(.fileExists, "The file exists already.", path: to)
            }
            if from == to { return }
            names[from] = nil
            names[to] = contents
            nameChanges.append(NameChange(number: number, kind: .rename(from, to)))
        }
    }

    /// Makes the names in the directory of `path` durable; see ``FileSystem/syncDirectory(of:)``.
    public func syncDirectory(of path: String) throws(StorageError) {
        try perform(.syncDirectory, path) { _ throws(StorageError) in
            let directory = Self.directory(of: path)
            let last = nameChanges.lastIndex {
                switch $0.kind {
                case .create(let path, _), .remove(let path): Self.directory(of: path) == directory
                case .rename(let from, let to):
                    Self.directory(of: from) == directory || Self.directory(of: to) == directory
                }
            }
            // The journal is written in order: what came before goes with it.
            guard let last else { return }
            for change in nameChanges[...last] { Self.apply(change, to: &durableNames) }
            nameChanges.removeSubrange(...last)
        }
    }

    private static func directory(of path: String) -> Substring {
        path.lastIndex(of: "/").map { path[..<$0] } ?? ""
    }

    private static func apply(_ change: NameChange, to names: inout [String: CrashingContents]) {
        switch change.kind {
        case .create(let path, let contents): names[path] = contents
        case .remove(let path): names[path] = nil
        case .rename(let from, let to): names[to] = names.removeValue(forKey: from)
        }
    }

    // MARK: What a crash leaves

    /// What a power cut now would leave: a file system of its own, all of it durable, with nobody's
    /// locks, faults or counts. This one is not changed.
    ///
    /// Seeds 0 ..< 6 give the kinds of ``Survival`` in their order, and so on in turns; so eight or
    /// more seeds from 0 are a fair sample. The same seed gives the same again.
    ///
    /// O(files + changes not synced).
    public func survivors(seed: UInt64) -> CrashingFileSystem {
        let kinds = Survival.allCases
        return survivors(kinds[Int(seed % UInt64(kinds.count))], seed: seed)
    }

    /// What a power cut now would leave, by a given kind of survival.
    public func survivors(_ survival: Survival, seed: UInt64 = 0) -> CrashingFileSystem {
        lock.acquire()
        defer { lock.release() }
        // In the order of their names: the dice must fall the same way in every run.
        let created = nameChanges.compactMap { change in
            if case .create(let path, let contents) = change.kind { (path, contents) } else { nil }
        }
        var numbers = nameChanges.map(\.number)
        var lastWrite = 0
        var seen: Set<ObjectIdentifier> = []
        for contents in durableNames.values + created.map(\.1)
        where seen.insert(ObjectIdentifier(contents)).inserted {
            for change in contents.pending {
                numbers.append(change.number)
                if case .write = change.kind { lastWrite = max(lastWrite, change.number) }
            }
        }
        numbers.sort()
        var plan = SurvivalPlan(survival, seed: seed, lastWrite: lastWrite, numbers: numbers)
        var survivingNames = durableNames
        let kept = plan.survivingDirectoryChanges(nameChanges.map(\.number))
        for change in nameChanges.prefix(kept) { Self.apply(change, to: &survivingNames) }
        let result = CrashingFileSystem()
        for (path, contents) in survivingNames.sorted(by: { $0.key < $1.key }) {
            let survivor = CrashingContents(contents.surviving(&plan))
            result.names[path] = survivor
            result.durableNames[path] = survivor
        }
        return result
    }

    /// The names of all files, in order.
    public var paths: [String] {
        lock.withLock { names.keys.sorted() }
    }
}
