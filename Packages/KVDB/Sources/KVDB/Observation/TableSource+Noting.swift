import BTree
import StorageIO

#if hasFeature(Embedded)
    /// What is read of a snapshot: nobody wants to know it here.
    struct ReadKeys {
        func note(_ key: ByteView, table: [UInt8]) {}
        func note(_ range: KeyRange, table: [UInt8]) {}
        func noteNames() {}
    }
#endif

extension EngineSnapshot {
    /// Lets `note` note what is read, if somebody wants to know.
    @inline(__always)
    func note(_ note: (ReadKeys) -> Void) {
        #if !hasFeature(Embedded)
            if let reads { note(reads) }
        #endif
    }
}

// What is read of a snapshot by the calls of a table, for `Database.observe`.
extension TableSource {
    /// Whether what is read is noted.
    var isNoting: Bool {
        #if !hasFeature(Embedded)
            if case .snapshot(let snapshot, _) = origin { return snapshot.reads != nil }
        #endif
        return false
    }

    /// Notes that a range is read, where that is asked for.
    func note(_ range: KeyRange) {
        guard case .snapshot(let snapshot, _) = origin else { return }
        snapshot.note { reads in reads.note(range, table: name) }
    }

    /// Notes that a range is read from one end through `last`, or all of it if that is nil.
    func note(_ range: KeyRange, _ order: TableOrder, through last: [UInt8]?) {
        guard isNoting else { return }
        guard let last else { return note(range) }
        note(
            order == .ascending
                ? KeyRange(from: range.lowerBound, upTo: last + [0])
                : KeyRange(from: last, upTo: range.upperBound))
    }

    /// Lends the entries in a range of a snapshot, until `body` returns false, and notes how far that went.
    func scanNoting(
        _ range: KeyRange, _ order: TableOrder,
        _ body: (RawSpan, RawSpan) -> Bool
    ) throws(StorageError) {
        var last: [UInt8]?
        defer { note(range, order, through: last) }
        try read(noting: { _, _ in }) { tree throws(StorageError) in
            try tree.scan(in: range, reverse: order == .descending) { key, value in
                let goesOn = body(key, value)
                if !goesOn { last = withByteView(of: key) { $0.array } }
                return goesOn
            }
        }
    }
}
