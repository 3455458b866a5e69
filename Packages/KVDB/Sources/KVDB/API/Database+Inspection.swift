import PageStore
import StorageIO

extension Database {
    /// What a database consists of: its tables, the pages that they take, and how full those are. Print it to read it.
    public struct Inspection: Sendable {
        /// What a table consists of.
        public struct Table: Sendable {
            /// Its name; empty for the default table.
            public var name: String
            /// How many entries it has.
            public var entryCount: Int
            /// The levels of its tree.
            public var height: Int
            /// Pages with entries.
            public var leafPages: Int
            /// Pages with children.
            public var innerPages: Int
            /// Pages of long values.
            public var overflowPages: Int
            /// How much of the leaves' room is used, from 0 to 1.
            public var fill: Double

            /// All of its pages.
            public var pageCount: Int { leafPages + innerPages + overflowPages }
        }

        /// Where its data file is; empty in memory.
        public var path: String
        /// Its counters at that time.
        public var statistics: Statistics
        /// The tables, the default one first, then by name.
        public var tables: [Table]
    }

    /// Walks every table and returns what it consists of.
    ///
    /// - Parameter progress: gets the pages read so far, now and then. What it throws ends the walk.
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`; what `progress` throws.
    /// - Complexity: reads every page.
    public func inspect(
        progress: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> Inspection {
        // Before there is a snapshot of its own.
        let statistics = try statistics()
        return try Self.passingOn(progress) { progress throws(StorageError) in
            try ProgressMeter.running(progress) { meter throws(StorageError) in
                let tables = try engine.snapshot().composition(meter)
                return Inspection(
                    path: path, statistics: statistics, tables: tables.map(Inspection.Table.init))
            }
        }
    }
}

extension Database.Inspection.Table {
    init(_ tree: TreeComposition) {
        self.init(
            name: String(decoding: tree.table, as: UTF8.self),
            entryCount: Int(clamping: tree.entryCount), height: tree.height,
            leafPages: tree.leafPages, innerPages: tree.innerPages,
            overflowPages: tree.overflowPages, fill: tree.leafFill)
    }
}

extension Database.Inspection: CustomStringConvertible {
    /// A few lines and a table, for people.
    public var description: String {
        let now = statistics
        var lines = [path.isEmpty ? "in memory" : path]
        lines.append("version \(now.version), the file at \(now.checkpointVersion)")
        lines.append(
            "\(now.pageCount) pages of \(now.pageSize) bytes: \(now.freePages) free, "
                + "\(now.pendingPages) replaced and still needed, \(now.freeListPages) for the list "
                + "of free ones")
        lines.append(
            "file \(now.fileByteCount) bytes, log \(now.logByteCount) bytes, to apply "
                + "\(now.unappliedLogByteCount)")
        lines.append(
            "\(now.residentByteCount) bytes in memory, \(now.dirtyByteCount) of them newer than the "
                + "file")
        for held in now.snapshots {
            lines.append(
                "a snapshot of version \(held.version), \(held.versionsBehind) behind, keeps "
                    + "\(held.pinnedPages) pages")
        }
        lines.append("")
        lines += Self.aligned(rows)
        return lines.joined(separator: "\n")
    }

    private var rows: [[String]] {
        [["table", "entries", "levels", "leaves", "inner", "long", "fill"]]
            + tables.map { table in
                [
                    table.name.isEmpty ? "(default)" : table.name, "\(table.entryCount)",
                    "\(table.height)", "\(table.leafPages)", "\(table.innerPages)",
                    "\(table.overflowPages)", "\(Int(table.fill * 100)) %",
                ]
            }
    }

    /// Columns: the first begins where it begins, the others end together.
    private static func aligned(_ rows: [[String]]) -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, text) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], text.count)
            }
        }
        return rows.map { row in
            row.enumerated().map { column, text in
                let gap = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + gap : gap + text
            }.joined(separator: "  ")
        }
    }
}
