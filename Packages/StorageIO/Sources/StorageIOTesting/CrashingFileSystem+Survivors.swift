import StorageIO

/// What a crash leaves.
extension CrashingFileSystem {
    /// What a power cut now would leave: a file system of its own, all of it durable, with nobody's
    /// locks, faults or counts. This one is not changed.
    ///
    /// The seeds give the kinds of ``Survival/basic`` in their order, and so on in turns; so eight
    /// or more seeds from 0 are a fair sample. The same seed gives the same again.
    ///
    /// O(files + changes not synced).
    public func survivors(seed: UInt64) -> CrashingFileSystem {
        let kinds = Survival.basic
        return survivors(kinds[Int(seed % UInt64(kinds.count))], seed: seed)
    }

    /// What a power cut now would leave, by the kinds of ``Survival/variants`` in turns.
    ///
    /// - Parameters:
    ///   - variant: from 0; those from the count of kinds on are other draws of the same kinds.
    ///   - seed: anything that differs between moments, such as an operation's number.
    public func survivors(variant: Int, seed: UInt64) -> CrashingFileSystem {
        let kinds = Survival.variants
        return survivors(
            kinds[variant % kinds.count], seed: seed &* 1_000_003 &+ UInt64(variant))
    }

    /// What a power cut now would leave, by a given kind of survival.
    public func survivors(_ survival: Survival, seed: UInt64 = 0) -> CrashingFileSystem {
        lock.acquire()
        defer { lock.release() }
        let unsynced = unsyncedChanges()
        var plan = SurvivalPlan(
            survival, seed: seed, numbers: unsynced.numbers, writes: unsynced.writes)
        var survivingNames = durableNames
        for change in plan.surviving(nameChanges) { Self.apply(change, to: &survivingNames) }
        let result = CrashingFileSystem()
        // In the order of their names: the dice must fall the same way in every run.
        for (path, contents) in survivingNames.sorted(by: { $0.key < $1.key }) {
            let survivor = CrashingContents(contents.surviving(&plan))
            result.names[path] = survivor
            result.durableNames[path] = survivor
        }
        return result
    }

    /// How many changes of files and names no sync has made durable: where there are none, every
    /// kind of survival leaves the same.
    public var unsyncedChangeCount: Int {
        lock.withLock { unsyncedChanges().numbers.count }
    }

    /// The numbers of all changes that a crash may lose, ascending, and those of the writes.
    private func unsyncedChanges() -> (numbers: [Int], writes: [Int]) {
        var numbers = nameChanges.map(\.number)
        var writes: [Int] = []
        var seen: Set<ObjectIdentifier> = []
        func look(at contents: CrashingContents) {
            if contents.pending.isEmpty { return }
            guard seen.insert(ObjectIdentifier(contents)).inserted else { return }
            for change in contents.pending {
                numbers.append(change.number)
                if change.isWrite { writes.append(change.number) }
            }
        }
        for contents in durableNames.values { look(at: contents) }
        for change in nameChanges {
            if case .create(_, let contents) = change.kind { look(at: contents) }
        }
        return (numbers.sorted(), writes.sorted())
    }

    /// A number for all names and contents as reads see them: equal for equal ones, hardly ever for
    /// others. O(bytes), at the speed of the checksum.
    public var fingerprint: UInt64 {
        lock.withLock {
            var hash: UInt64 = 0
            for (path, contents) in names.sorted(by: { $0.key < $1.key }) {
                for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                hash = (hash ^ contents.current.fingerprint) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 31
            }
            return hash
        }
    }

    /// The names of all files, in order.
    public var paths: [String] {
        lock.withLock { names.keys.sorted() }
    }

    /// What the file under this name holds, without a call that counts; nil when there is none.
    public func image(of path: String) -> FileImage? {
        lock.withLock { names[path]?.image }
    }
}
