import StorageIO

/// What a crash leaves.
extension CrashingFileSystem {
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
