#if !hasFeature(Embedded)
    import StorageIO

    /// The entries in a range of a table, all from one version, for a task to go through.
    ///
    /// ```swift
    /// for try await (name, user) in database[.users].stream(in: "a"..<"n") { … }
    /// ```
    ///
    /// The entries are read in batches on a thread of the database, so that no thread of a task waits for the medium.
    /// An iteration takes its snapshot when it begins, and gives it back when it ends or is dropped. It throws
    /// `CancellationError` as soon as its task is cancelled: an end without an error means that all entries were there.
    public struct EntryStream<Key: OrderedKey, Value: StoredValue>: AsyncSequence, Sendable {
        /// An entry.
        public typealias Element = (key: Key, value: Value)

        let source: TableSource
        let range: KeyRange
        let order: TableOrder
        let batchCount: Int

        /// Makes an iterator, which stands before the first entry.
        public func makeAsyncIterator() -> Iterator {
            Iterator(
                source: source, rest: range, order: order, batchCount: Swift.max(1, batchCount))
        }

        /// Goes from entry to entry.
        public struct Iterator: AsyncIteratorProtocol {
            /// From the first batch on that of a snapshot.
            private var source: TableSource
            /// What is still to be read; nil when all was.
            private var rest: KeyRange?
            private let order: TableOrder
            private let batchCount: Int
            private var batch = EntryBatch()
            /// How many entries of the batch are behind.
            private var index = 0

            init(source: TableSource, rest: KeyRange, order: TableOrder, batchCount: Int) {
                self.source = source
                self.rest = rest
                self.order = order
                self.batchCount = batchCount
            }

            /// Returns the next entry, or nil behind the last.
            ///
            /// - Parameter actor: where the caller is.
            /// - Throws: `CancellationError`; `damaged` with the page, `inputOutput`, `closed`, `undecodable`.
            public mutating func next(
                isolation actor: isolated (any Actor)? = #isolation
            ) async throws -> Element? {
                try Task.checkCancellation()
                if index == batch.count {
                    guard let rest else { return nil }
                    (source, batch) = try await source.nextBatch(rest, order, batchCount)
                    self.rest = batch.rest
                    index = 0
                }
                guard index < batch.count else { return nil }
                defer { index += 1 }
                return try batch.entry(at: index)
            }
        }
    }

    /// Some entries, copied out.
    struct EntryBatch: Sendable {
        /// Keys and values, one behind the other.
        private var bytes: [UInt8] = []
        /// Where each of them ends.
        private var ends: [Int] = []
        /// The range behind the batch; nil when nothing is left.
        var rest: KeyRange?

        /// The most bytes, unless one entry alone has more.
        static var byteLimit: Int { 1 << 20 }

        var count: Int { ends.count / 2 }

        /// Adds an entry. Returns whether there is room for another one.
        mutating func append(_ key: RawSpan, _ value: RawSpan, limit: Int) -> Bool {
            for part in [withByteView(of: key) { $0.array }, withByteView(of: value) { $0.array }] {
                bytes += part
                ends.append(bytes.count)
            }
            return count < limit && bytes.count < Self.byteLimit
        }

        private func part(_ index: Int) -> Swift.Range<Int> {
            (index > 0 ? ends[index - 1] : 0)..<ends[index]
        }

        /// The bytes of the last key.
        var lastKey: [UInt8] { Array(bytes[part(ends.count - 2)]) }

        /// An entry, by its types.
        func entry<Key: OrderedKey, Value: StoredValue>(
            at index: Int
        ) throws(StorageError) -> (key: Key, value: Value) {
            let all = unsafe bytes.span.bytes
            return (
                try Key(keyBytes: all.extracting(part(2 * index))),
                try Value(storedBytes: all.extracting(part(2 * index + 1)))
            )
        }
    }

    extension TableSource {
        /// Reads the first entries of a range on a thread of the database.
        ///
        /// - Returns: the entries, and a source of the version that they are of.
        nonisolated(nonsending) fileprivate func nextBatch(
            _ range: KeyRange, _ order: TableOrder, _ limit: Int
        ) async throws -> (TableSource, EntryBatch) {
            let core: Core
            switch origin {
            case .newest(let engine), .transaction(let engine, _): core = engine.core
            case .snapshot(let snapshot, _): core = snapshot.core
            }
            try core.requireOpen()
            return try await core.readers.run(refusal: core.closingError()) { _ in
                let source = try atItsVersion()
                return (source, try source.batch(range, order, limit))
            }
        }

        /// The same table in a snapshot, which is taken here if it is not of one.
        private func atItsVersion() throws(StorageError) -> TableSource {
            guard case .newest(let engine) = origin else { return self }
            return try TableSource(snapshot: try engine.snapshot(), table)
        }

        private func batch(
            _ range: KeyRange, _ order: TableOrder, _ limit: Int
        ) throws -> EntryBatch {
            var batch = EntryBatch()
            var isFull = false
            try scan(range, order) { key, value in
                isFull = !batch.append(key, value, limit: limit)
                return !isFull
            }
            guard isFull else { return batch }
            let last = batch.lastKey
            batch.rest =
                order == .ascending
                ? KeyRange(from: last + [0], upTo: range.upperBound)
                : KeyRange(from: range.lowerBound, upTo: last)
            return batch
        }
    }

    // Whoever may leave the thread: not a transaction and its tables.
    extension TableReading where Self: Sendable {
        /// The entries in a range, all from one version, for a task to go through without waiting for the medium.
        ///
        /// - Parameters:
        ///   - range: the keys wanted: a Swift range, `.prefix(…)`, `.all`.
        ///   - order: which way to go.
        ///   - batchCount: how many entries are read at once, at least one. A batch takes no more than about 1 MiB.
        public func stream(
            in range: KeyInterval<Key> = .all, order: TableOrder = .ascending,
            batchCount: Int = 256
        ) -> EntryStream<Key, Value> {
            EntryStream(
                source: source, range: range.keyRange, order: order, batchCount: batchCount)
        }

        /// The entries in a range of Swift's; see ``stream(in:order:batchCount:)``.
        public func stream(
            in range: some KeyRangeExpression<Key>, order: TableOrder = .ascending,
            batchCount: Int = 256
        ) -> EntryStream<Key, Value> {
            stream(in: range.interval, order: order, batchCount: batchCount)
        }
    }
#endif
