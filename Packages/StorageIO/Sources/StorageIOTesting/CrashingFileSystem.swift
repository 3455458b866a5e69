import StorageIO

/// A deterministic file system in memory that fails and crashes where a test wants it.
///
/// # Fault model
///
/// **Medium.** A sector of 512 bytes is written wholly or not at all. `File.sync` makes durable
/// what was written to that file before, and its size; nothing else does. Between two syncs each
/// sector that was written may survive in any of its states since the last sync, on its own,
/// whatever the order of the writes; a file's size survives as any that it had, with its data or
/// without. Where a file's size survives but a sector does not, it reads as before; if the file
/// never reached there, as zeros, as garbage, or as what the file holds elsewhere.
///
/// **Names.** Creations, removals and renames are durable after `FileSystem.syncDirectory` of their
/// directory; syncing a file does not make its name durable. Before that they survive as a prefix
/// of their order, as a journaling file system has it, or in any subset in which no change of a
/// name survives without the earlier ones of the same name. A rename happens wholly or not at all.
/// A removed file whose removal does not survive is there with its content.
///
/// **Crash.** Operation N (``crash(at:)``) takes effect as if under way, then it and every later
/// call throws. A power cut can also be looked at without one: ``survivors(variant:seed:)`` at any
/// moment, for instance in ``beforeOperation``, gives what would be left then. ``Survival/variants``
/// lists the kinds of subsets that it draws.
///
/// **Faults.** A failing operation (``fail(operation:of:with:forever:count:)``; once, a number of
/// times, or forever) has no effect, except: of a failing write a random beginning is written; a
/// failing read has filled a random beginning of its buffer; a failing sync loses the unsynced
/// changes for good, but for a subset that became durable, and readers see the loss at once or when
/// the cache is dropped (``failedSync``). A read may give flipped, stale or misplaced bytes, once or
/// until they are written again (``corruptRead(_:_:forever:)``). With ``capacity`` set the disk is full
/// at that size, with ``largestFile`` no file grows beyond that.
///
/// **Not modelled.** Sectors that are torn, a medium that lies about a sync, a rename in halves,
/// calls that the system interrupts or does in parts (they lie below `File`; `POSIXFile` hides
/// them), locks that outlive a crash, and the time that calls take.
///
/// Operations are numbered from 1; `size`, `exists` and `lock` calls have no number, but can be
/// counted and fail. Everything is one lock deep: threads may use it, but then the numbers depend on
/// their order.
public final class CrashingFileSystem: FileSystem, @unchecked Sendable {
    // Sendable: everything that changes is only touched under `lock`.

    /// A name's change since the last sync of its directory.
    struct NameChange {
        enum Kind {
            case create(String, CrashingContents)
            case remove(String)
            case rename(String, String)
        }
        var number: Int
        var kind: Kind

        /// The names that it touches.
        var names: [String] {
            switch kind {
            case .create(let path, _), .remove(let path): [path]
            case .rename(let from, let to): [from, to]
            }
        }
    }

    struct Fault {
        /// Which ones fail, counted among all of `kinds`.
        var numbers: ClosedRange<Int>
        var kinds: FileOperation.Kind
        var code: StorageError.Code
    }

    let lock = Lock()
    /// The names that reads see, and those that are durable.
    var names: [String: CrashingContents] = [:]
    var durableNames: [String: CrashingContents] = [:]
    var nameChanges: [NameChange] = []
    var counts = [Int](repeating: 0, count: FileOperation.Kind.names.count)
    /// The operations of ``FileOperation/Kind/all`` so far.
    var total = 0
    var faults: [Fault] = []
    var crashNumber: Int?
    var isCrashed = false
    var syncFailure = SyncFailure()
    private var nextHandle = 0
    var hook: (@Sendable (FileOperation) -> Void)?
    var observer: (@Sendable (CompletedOperation) -> Void)?
    var sizeLimit: UInt64?
    /// See ``largestFile``. Under the lock.
    var largestFileLimit: UInt64?
    var readFaults: [ReadFault] = []
    var corruptedReads = 0
    /// Whether files keep what their sectors held before, for stale reads.
    var keepsHistory = false

    /// A file system without files, faults or crash.
    public init() {}

    // MARK: Operations

    /// How many bytes files may still grow by. Under the lock.
    func spaceLeft() -> UInt64 {
        guard let sizeLimit else { return .max }
        let used = names.values.reduce(0) { $0 + $1.current.size }
        return used < sizeLimit ? sizeLimit - used : 0
    }

    /// Opens `path`; see `FileSystem.open(_:_:)`.
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
        try look(.exists, path) { () throws(StorageError) in names[path] != nil }
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

    /// Gives a file another name in one step; see `FileSystem.rename(_:to:replacing:)`.
    public func rename(_ from: String, to: String, replacing: Bool) throws(StorageError) {
        try perform(.rename, from, newPath: to) { number throws(StorageError) in
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

    /// Makes the names in the directory of `path` durable; see `FileSystem.syncDirectory(of:)`.
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

    static func apply(_ change: NameChange, to names: inout [String: CrashingContents]) {
        switch change.kind {
        case .create(let path, let contents): names[path] = contents
        case .remove(let path): names[path] = nil
        case .rename(let from, let to): names[to] = names.removeValue(forKey: from)
        }
    }
}
