/// What only this database is asked for.
public enum MaintenanceTask: String, CaseIterable, Sendable {
    case compact, verify, export
    case exportLZ4 = "export-lz4"
    case importing = "import"

    /// What it is, in a few words.
    var title: String {
        switch self {
        case .compact: "compaction after every second entry was deleted"
        case .verify: "verification"
        case .export: "export"
        case .exportLZ4: "export compressed by LZ4"
        case .importing: "import of an export"
        }
    }
}

/// The ten workloads that the predecessor published figures of.
public enum PredecessorTask: String, CaseIterable, Sendable {
    case sequentialInsert = "sequential-insert"
    case randomInsert = "random-insert"
    case lookup, scan, update, delete, compact
    case readers = "4-readers"
    case writers = "4-writers"
    case readersAndWriter = "3-readers-1-writer"

    /// Bytes of its keys.
    static let keyByteCount = 18
    /// Bytes of its values.
    static let valueByteCount = 24

    /// What it is, in a few words.
    var title: String {
        "the predecessor's " + rawValue.replacing("-", with: " ")
    }
}
