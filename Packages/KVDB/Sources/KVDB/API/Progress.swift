extension Database {
    /// How far a long call is: verifying, compacting, exporting, importing, salvaging.
    ///
    /// Such a call takes a closure, gives it one of these now and then, at least at the beginning and the end of each
    /// phase, and ends at the next safe place with whatever the closure throws. Then nothing is half done.
    ///
    /// ```swift
    /// try database.verify { progress in
    ///     print(progress)              // checking: 4096 of 20480 pages, 20 %
    ///     try Task.checkCancellation()
    /// }
    /// ```
    public struct Progress: Sendable, Equatable {
        /// What is being done. A call may have several phases, one after the other.
        public enum Phase: UInt8, Sendable, CaseIterable {
            /// Pages are read and checked.
            case checking = 1
            /// A compaction looks at how full the pages are.
            case measuring
            /// A compaction packs the entries into full pages.
            case packing
            /// A compaction moves pages from the file's end into free ones.
            case moving
            /// Entries are exported.
            case exporting
            /// Entries are imported or loaded.
            case importing
            /// A salvage follows the trees of the damaged database.
            case walking
            /// A salvage reads the pages that nothing sound leads to.
            case scanning
            /// A salvage writes what it found into the new database.
            case writing

            /// The phase in a word, for people.
            public var name: String {
                switch self {
                case .checking: "checking"
                case .measuring: "measuring"
                case .packing: "packing"
                case .moving: "moving"
                case .exporting: "exporting"
                case .importing: "importing"
                case .walking: "walking"
                case .scanning: "scanning"
                case .writing: "writing"
                }
            }
        }

        /// What is counted.
        public enum Unit: UInt8, Sendable, CaseIterable {
            /// Pages of 4,096 bytes.
            case pages = 1
            /// Keys with their values.
            case entries
            /// Bytes of the stream that is read.
            case bytes

            /// The unit's name, for people.
            public var name: String {
                switch self {
                case .pages: "pages"
                case .entries: "entries"
                case .bytes: "bytes"
                }
            }
        }

        /// What is being done.
        public var phase: Phase
        /// What ``done`` and ``total`` count.
        public var unit: Unit
        /// How much of the phase is done.
        public var done: Int
        /// How much there is to do in the phase, as far as it is known; nil where it isn't.
        public var total: Int?
        /// How long the call has been running.
        public var elapsed: Duration
        /// How much is done in a second, over the whole phase; 0 at its beginning.
        public var rate: Double

        /// A state of a call.
        ///
        /// - Parameters:
        ///   - phase: what is being done.
        ///   - unit: what is counted.
        ///   - done: how much of the phase is done.
        ///   - total: how much there is to do in the phase; nil if that is not known.
        ///   - elapsed: how long the call has been running.
        ///   - rate: how much is done in a second.
        public init(
            phase: Phase, unit: Unit, done: Int, total: Int? = nil, elapsed: Duration = .zero,
            rate: Double = 0
        ) {
            self.phase = phase
            self.unit = unit
            self.done = done
            self.total = total
            self.elapsed = elapsed
            self.rate = rate
        }

        /// How much of the phase is done, from 0 to 1; nil where the total is not known.
        public var fraction: Double? {
            guard let total else { return nil }
            return total > 0 ? min(1, Double(done) / Double(total)) : 1
        }

        /// About how long the phase will go on, if it goes on as it did; nil where nobody can tell.
        public var remaining: Duration? {
            guard let total, rate > 0 else { return nil }
            let seconds = Double(max(0, total - done)) / rate
            return seconds < 1e9 ? .seconds(seconds) : nil
        }
    }
}

extension Database.Progress: CustomStringConvertible {
    /// A line for people: `checking: 4096 of 20480 pages, 20 %`.
    public var description: String {
        guard let total, let fraction else { return "\(phase.name): \(done) \(unit.name)" }
        return "\(phase.name): \(done) of \(total) \(unit.name), \(Int(fraction * 100)) %"
    }
}
