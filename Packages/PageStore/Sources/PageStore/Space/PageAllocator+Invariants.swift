import StorageIO

extension PageAllocator {
    /// Of the commits, every so many is checked: a check looks at everything.
    private static var commitsPerCheck: UInt64 { 32 }

    /// Whether the newest commit is one of those that are checked.
    var isCommitChecked: Bool { head % Self.commitsPerCheck == 0 }

    /// The first of P1 to P6 that does not hold, as a sentence; nil if all do. O(runs of free, dirty and retired
    /// pages).
    var brokenInvariant: String? {
        brokenPlaces ?? brokenBirths ?? brokenDirt ?? brokenRetirements ?? brokenOrder
    }

    private var brokenPlaces: String? {
        let sets = [free, pending, chain, newChain]
        let names = ["free", "pending", "of the durable list", "of the new list"]
        for (index, set) in sets.enumerated() {
            if let first = set.next(from: 0), first < 2 {
                return "P1: superblock \(first) is \(names[index])."
            }
            if let beyond = set.next(from: end) {
                return "P1: page \(beyond), which is beyond the end, is \(names[index])."
            }
            for other in index + 1..<sets.count {
                if let page = set.firstMember(alsoIn: sets[other]) {
                    return "P1: page \(page) is \(names[index]) and \(names[other])."
                }
            }
        }
        return nil
    }

    private var brokenBirths: String? {
        if running == 0 {
            guard born.isEmpty, retired.isEmpty, savepoints.isEmpty else {
                return "P2: pages are born or retired in no transaction."
            }
            return nil
        }
        for set in [free, pending, chain, newChain] {
            if let page = born.firstMember(alsoIn: set) {
                return "P2: page \(page), born in the running transaction, is not in use."
            }
        }
        if let beyond = born.next(from: end) { return "P2: page \(beyond) is beyond the end." }
        for savepoint in savepoints {
            for run in savepoint.aside
            where born.contains(run.page) || free.contains(run.page) || pending.contains(run.page) {
                return "P2: page \(run.page), set aside behind a savepoint, is elsewhere too."
            }
        }
        return nil
    }

    private var brokenDirt: String? {
        for set in [free, chain, newChain] {
            if let page = dirty.firstMember(alsoIn: set) ?? frozen.firstMember(alsoIn: set) {
                return "P3: page \(page) is dirty or frozen, and free."
            }
        }
        if let page = dirty.firstMember(alsoIn: frozen) {
            return "P3: page \(page) is dirty and frozen."
        }
        if let page = dirty.next(from: end) ?? frozen.next(from: end) {
            return "P3: page \(page), which is beyond the end, is dirty or frozen."
        }
        return nil
    }

    private var brokenRetirements: String? {
        var all = PageBitmap()
        for entries in [retired, Array(waiting[waitingStart...]), afterCheckpoint]
            + buckets.map({ $0.entries })
        {
            for entry in entries {
                let pages = Int(entry.page)..<Int(entry.page) + Int(entry.count)
                if let page = all.next(from: pages.lowerBound), page < pages.upperBound {
                    return "P4: page \(page) is in two retired runs."
                }
                guard pending.contains(pages.lowerBound),
                    pending.endOfRun(from: pages.lowerBound) >= pages.upperBound
                else { return "P4: page \(entry.page) is retired, and not pending." }
                guard entry.birth < entry.death else {
                    return "P5: page \(entry.page) was retired before it was born."
                }
                all.insert(pages)
            }
        }
        return all.count == pending.count ? nil : "P4: a page is pending, and not retired."
    }

    private var brokenOrder: String? {
        guard retired.allSatisfy({ $0.death == running }) else {
            return "P5: a run of the running transaction has another death."
        }
        var latest: TransactionNumber = 0
        for entry in waiting[waitingStart...] {
            guard entry.death >= latest, entry.death <= head else {
                return "P5: page \(entry.page), which waits for a publication, is out of order."
            }
            latest = entry.death
        }
        for (index, bucket) in buckets.enumerated() {
            guard index == 0 || buckets[index - 1].version < bucket.version else {
                return "P5: the held versions are out of order."
            }
            guard
                bucket.entries.allSatisfy({
                    $0.birth <= bucket.version && bucket.version < $0.death
                })
            else { return "P5: version \(bucket.version) holds a page that it does not see." }
        }
        guard published <= head, running == 0 || running > head else {
            return
                "P6: published \(published), head \(head) and running \(running) are out of order."
        }
        return nil
    }
}

extension PageBitmap {
    /// The lowest member that `other` has too.
    fileprivate func firstMember(alsoIn other: PageBitmap) -> Int? {
        // By the runs of the smaller set.
        guard count <= other.count else { return other.firstMember(alsoIn: self) }
        var position = 0
        while let run = nextRun(from: position) {
            if let common = other.next(from: run.lowerBound), common < run.upperBound {
                return common
            }
            position = run.upperBound
        }
        return nil
    }
}
