import StorageIO

// Points that the running transaction can go back to.
//
// From a savepoint on, pages that the transaction wrote before it are like those of older versions: who changes
// one takes a new page in its place, and the old one is set aside until it is known which of the two stays.
extension PageAllocator {
    /// A savepoint of the running transaction; the last one is the innermost.
    struct Savepoint {
        /// Pages born since.
        var fresh = PageBitmap()
        /// Runs that were born in the transaction before it, and replaced since. They are not in `born` meanwhile.
        var aside: [Run] = []
        /// How many runs the transaction had retired.
        var retiredCount: Int
    }

    /// Adds a savepoint. O(1).
    mutating func addSavepoint() throws(StorageError) {
        guard running != 0 else { throw PageProblem.noTransaction() }
        savepoints.append(Savepoint(retiredCount: retired.count))
    }

    /// Notes pages that were taken for the running transaction.
    mutating func noteBorn(_ pages: Range<Int>) {
        born.insert(pages)
        if let last = savepoints.indices.last { savepoints[last].fresh.insert(pages) }
    }

    /// Notes that pages just taken are not used after all.
    mutating func forgetBorn(_ pages: Range<Int>) {
        born.remove(pages)
        if let last = savepoints.indices.last { savepoints[last].fresh.remove(pages) }
    }

    /// Whether a page may be changed in its place, since it was born behind the innermost savepoint.
    func isFresh(_ page: Int) -> Bool {
        savepoints.last?.fresh.contains(page) ?? born.contains(page)
    }

    /// Sets a run of the running transaction aside that was born before the innermost savepoint.
    ///
    /// - Returns: false, with nothing done, when it was born behind that.
    mutating func setAside(_ start: Int, _ count: Int) -> Bool {
        guard let last = savepoints.indices.last else { return false }
        if savepoints[last].fresh.contains(start) {
            savepoints[last].fresh.remove(start..<start + count)
            return false
        }
        born.remove(start..<start + count)
        savepoints[last].aside.append(Run(page: start, count: count))
        return true
    }

    /// Ends the innermost savepoint; what was done behind it stays. O(pages that were changed behind it).
    ///
    /// - Returns: the freed runs; nil when there is no savepoint.
    mutating func releaseSavepoint() -> [Run]? {
        guard let ended = savepoints.popLast() else { return nil }
        var freed: [Run] = []
        for run in ended.aside {
            if let last = savepoints.indices.last {
                guard savepoints[last].fresh.contains(run.page) else {
                    savepoints[last].aside.append(run)
                    continue
                }
                savepoints[last].fresh.remove(run.page..<run.page + run.count)
            }
            free(run)
            freed.append(run)
        }
        if let last = savepoints.indices.last { savepoints[last].fresh.formUnion(ended.fresh) }
        return freed
    }

    /// Goes back to the innermost savepoint and ends it: pages born behind it are free, what was replaced is in use
    /// again. O(pages that were changed behind it).
    ///
    /// - Returns: the freed runs; nil when there is no savepoint.
    mutating func rollBackSavepoint() -> [Run]? {
        guard let ended = savepoints.popLast() else { return nil }
        for entry in retired[ended.retiredCount...] {
            pending.remove(Int(entry.page)..<Int(entry.page) + Int(entry.count))
        }
        retired.removeLast(retired.count - ended.retiredCount)
        for run in ended.aside { born.insert(run.page..<run.page + run.count) }
        var freed: [Run] = []
        ended.fresh.forEachRun { start, length in freed.append(Run(page: start, count: length)) }
        for run in freed {
            born.remove(run.page..<run.page + run.count)
            free(run)
        }
        return freed
    }

    /// Forgets all savepoints; what was set aside counts as born again.
    mutating func dropSavepoints() {
        for savepoint in savepoints {
            for run in savepoint.aside { born.insert(run.page..<run.page + run.count) }
        }
        savepoints.removeAll()
    }

    private mutating func free(_ run: Run) {
        makeFree(run.page, run.count)
        dirty.remove(run.page..<run.page + run.count)
    }
}
