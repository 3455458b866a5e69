/// What the end of a process leaves.
extension CrashingFileSystem {
    /// What a process that begins now would find after the last one was killed: all that was written,
    /// synced or not, and nobody's locks, faults or hooks. What was not synced can still be lost by a
    /// power cut. A file system of its own; this one is not changed.
    ///
    /// O(files + changes not synced).
    public func afterKill() -> CrashingFileSystem {
        lock.acquire()
        defer { lock.release() }
        let result = CrashingFileSystem()
        var copies: [ObjectIdentifier: CrashingContents] = [:]
        func copy(_ contents: CrashingContents) -> CrashingContents {
            let known = copies[ObjectIdentifier(contents)] ?? CrashingContents(copying: contents)
            copies[ObjectIdentifier(contents)] = known
            return known
        }
        result.names = names.mapValues(copy)
        result.durableNames = durableNames.mapValues(copy)
        result.nameChanges = nameChanges.map { change in
            guard case .create(let path, let contents) = change.kind else { return change }
            return NameChange(number: change.number, kind: .create(path, copy(contents)))
        }
        // Later changes have later numbers.
        result.counts = counts
        result.total = total
        return result
    }
}
