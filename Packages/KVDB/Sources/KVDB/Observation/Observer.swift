#if !hasFeature(Embedded)
    import PageStore
    import StorageIO

    /// One who listens to some keys; see ``Observers``.
    final class Observer: @unchecked Sendable {
        // Sendable: the lock of `Observers` guards every stored property.
        private enum Interest {
            /// These keys.
            case keys(TableKeys)
            /// Keys that are not known yet: what each commit since has touched, oldest first.
            case unknown([(version: TransactionNumber, touched: TableKeys)])
        }

        private var interest: Interest
        /// The oldest and the newest version noted that readers could not see yet; two are enough, as what is told is
        /// coalesced.
        private var noted: (first: TransactionNumber, last: TransactionNumber)?
        /// The newest version that touched the keys and was not taken yet.
        private var ready: TransactionNumber?
        /// The task that waits.
        var waiter: Waiter?

        /// One who listens to some keys.
        init(_ keys: TableKeys) { interest = .keys(keys) }

        /// The most commits that are told apart while it is not known which keys count.
        private static var recordLimit: Int { 32 }

        /// A task that waits.
        final class Waiter: @unchecked Sendable {
            // Sendable: the lock of `Observers` guards `isCancelled`. The task writes the closure before it waits, and reads
            // `outcome` when it goes on; whoever lets it go on writes that before, with the lock held.
            var isCancelled = false
            var outcome: Result<TransactionNumber?, StorageError> = .success(nil)
            var resume: (() -> Void)?

            /// Lets the task go on. Once, without a lock.
            func wake() { resume.take()?() }
        }

        /// Whether nothing is left to be told.
        var isDone: Bool { noted == nil }

        var hasReady: Bool { ready != nil }

        func takeReady() -> TransactionNumber? { ready.take() }

        func takeWaiter() -> Waiter? { waiter.take() }

        /// Notes a version if it has touched the keys. Returns whether there is something to be told.
        @discardableResult
        func note(_ version: TransactionNumber, _ touched: TableKeys) -> Bool {
            switch interest {
            case .keys(let keys):
                guard keys.intersects(touched) else { return false }
                noted = (noted?.first ?? version, version)
                return true
            case .unknown(var record):
                interest = .unknown([])
                if record.count == Self.recordLimit {
                    record[1].touched.formUnion(record[0].touched)
                    record.removeFirst()
                }
                record.append((version, touched))
                interest = .unknown(record)
                return false
            }
        }

        /// Lets what is noted be taken, as far as readers can see it.
        func makeReady(through newest: TransactionNumber) {
            guard let noted, noted.first <= newest else { return }
            if noted.last <= newest {
                ready = noted.last
                self.noted = nil
            } else {
                ready = max(ready ?? 0, noted.first)
                self.noted = (noted.last, noted.last)
            }
        }

        /// Listens to the same keys as another one, and is told what that was told and has not taken.
        func takeOver(_ other: Observer) {
            interest = other.interest
            ready = other.ready
            noted = other.noted
        }

        /// Keeps what every commit touches until ``listen(to:since:)``.
        func record() {
            interest = .unknown([])
            noted = nil
            ready = nil
        }

        /// Listens to some keys. What was recorded of them above a version is noted.
        func listen(to keys: TableKeys, since version: TransactionNumber) {
            guard case .unknown(let record) = interest else { return }
            interest = .keys(keys)
            for commit in record where commit.version > version {
                note(commit.version, commit.touched)
            }
        }
    }
#endif
