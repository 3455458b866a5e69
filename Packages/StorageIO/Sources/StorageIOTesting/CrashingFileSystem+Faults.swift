import StorageIO

/// Counting operations, and making them fail or crash.
extension CrashingFileSystem {
    /// How many operations there were so far.
    public var operationCount: Int { count(of: .all) }

    /// How many operations of these kinds there were so far.
    public func count(of kinds: FileOperation.Kind) -> Int {
        lock.withLock { countLocked(kinds) }
    }

    private func countLocked(_ kinds: FileOperation.Kind) -> Int {
        if kinds == .all { return total }
        return counts.indices.reduce(0) { $0 + (kinds.rawValue >> $1 & 1 != 0 ? counts[$1] : 0) }
    }

    /// Called before each operation takes effect, outside of all locks, so it may look at
    /// ``survivors(seed:)``.
    public var beforeOperation: (@Sendable (FileOperation) -> Void)? {
        get { lock.withLock { hook } }
        set { lock.withLock { hook = newValue } }
    }

    /// Called after each operation with what it did, in the order in which they took effect: under
    /// the file system's lock, so it may not look at it.
    public var afterOperation: (@Sendable (CompletedOperation) -> Void)? {
        get { lock.withLock { observer } }
        set { lock.withLock { observer = newValue } }
    }

    /// Makes an operation fail.
    ///
    /// - Parameters:
    ///   - number: which one, counted from 1 among all operations of these kinds since the file
    ///     system was made: `count(of: kinds) + 1` is the next.
    ///   - kinds: what may fail; all by default.
    ///   - code: the error's code.
    ///   - forever: whether all later ones fail too.
    ///   - count: how many in a row fail, if not forever.
    public func fail(
        operation number: Int, of kinds: FileOperation.Kind = .all,
        with code: StorageError.Code = .inputOutput, forever: Bool = false, count: Int = 1
    ) {
        let last = forever ? Int.max : number + max(count, 1) - 1
        lock.withLock {
            faults.append(Fault(numbers: number...last, kinds: kinds, code: code))
        }
    }

    /// What a failing sync does; the default loses a random half of the sectors, for readers too.
    public var failedSync: SyncFailure {
        get { lock.withLock { syncFailure } }
        set { lock.withLock { syncFailure = newValue } }
    }

    /// Drops what the system has cached of all files: where a failed sync has lost changes that
    /// readers could still see (``SyncFailure/isCached``), they see the loss from now on.
    public func evictCaches() {
        lock.withLock {
            for contents in names.values { contents.evict() }
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

    /// How many bytes each file can have, nil for no limit: a limit of the process, or of the file
    /// system. Growing past it is a `fileTooLarge` error. A file that is larger already stays.
    public var largestFile: UInt64? {
        get { lock.withLock { largestFileLimit } }
        set { lock.withLock { largestFileLimit = newValue } }
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

    static func crashed(_ path: String) -> StorageError {
        StorageError(.inputOutput, "The system has crashed (simulated).", path: path)
    }

    /// Counts an operation and runs `effect` under the lock, unless it is to fail or to crash.
    ///
    /// - Parameters:
    ///   - effect: given the operation's number.
    ///   - written: afterwards, the bytes that were written.
    ///   - image: afterwards, the file's contents.
    ///   - failed: what an injected fault does instead of `effect`.
    func perform<Result>(
        _ kind: FileOperation.Kind, _ path: String, offset: UInt64 = 0, byteCount: Int = 0,
        newPath: String? = nil, written: () -> [UInt8] = { [] }, image: () -> FileImage? = { nil },
        failed: (Int) -> Void = { _ in },
        effect: (Int) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        lock.acquire()
        if isCrashed {
            lock.release()
            throw Self.crashed(path)
        }
        counts[kind.rawValue.trailingZeroBitCount] += 1
        total += 1
        let number = total
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
        // What the watcher is told.
        func tell(_ error: StorageError?) {
            guard let observer else { return }
            let operation = FileOperation(
                number: number, kind: kind, path: path, offset: offset, byteCount: byteCount)
            let isFailedSync = kind == .sync && error != nil
            observer(
                CompletedOperation(
                    operation, error: error?.code, bytes: written(), newPath: newPath,
                    image: isFailedSync ? image() : nil))
        }
        if let fault {
            failed(number)
            tell(fault)
            throw fault
        }
        do throws(StorageError) {
            let result = try effect(number)
            tell(nil)
            return result
        } catch {
            tell(error)
            throw error
        }
    }

    /// Runs `body` under the lock, for a call that has no number, unless it is to fail.
    func look<Result>(
        _ kind: FileOperation.Kind, _ path: String, _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        lock.acquire()
        defer { lock.release() }
        if isCrashed { throw Self.crashed(path) }
        counts[kind.rawValue.trailingZeroBitCount] += 1
        if let fault = fault(total, kind, path) { throw fault }
        return try body()
    }

    /// The error that the operation just counted is to fail with.
    private func fault(
        _ number: Int, _ kind: FileOperation.Kind, _ path: String
    ) -> StorageError? {
        for fault in faults where fault.kinds.contains(kind) {
            if fault.numbers.contains(countLocked(fault.kinds)) {
                let name = FileOperation.Kind.names[kind.rawValue.trailingZeroBitCount]
                return StorageError(
                    fault.code, "Injected fault at operation \(number) (\(name)).", path: path)
            }
        }
        return nil
    }
}
