import BTree
import PageStore
import StorageIO
import Synchronization

/// Hands the newest published version to readers without a lock.
///
/// The last `ringSize` published versions lie in a ring, version *t* at `t % ringSize`, every field
/// an atomic. A reader takes the published number, registers it, sees that it is still the
/// published one (from then on nothing it can reach is reused: see `FilePageStore`), and reads the
/// ring's entry; an entry overwritten meanwhile shows another number, and the reader starts again.
///
/// A writer may take the newest version back (``withdraw(_:)``) to change its pages where they are. Then
/// it looks whether a reader has registered: either it sees the reader, or the reader finds the version
/// withdrawn when it looks again. With no reader there it makes the change, some hundred nanoseconds
/// during which readers wait, and publishes the next version; else it puts the version back.
@safe final class Publication: @unchecked Sendable {
    // Sendable: a constant pointer to atomics. Writers are serialised by the engine's publish lock.
    #if KVDB_SCHEDULES
        // So that a few commits go around it.
        private static var ringSize: UInt64 { 2 }
    #elseif hasFeature(Embedded)
        // Memory counts there, and threads are few.
        private static var ringSize: UInt64 { 8 }
    #else
        private static var ringSize: UInt64 { 64 }
    #endif
    private static var fieldCount: Int { 6 }
    /// In `published`, beside the number of a version that is withdrawn.
    private static var withdrawn: UInt64 { 1 << 63 }
    private let published: Atomic<UInt64>
    private let fields: UnsafeMutablePointer<Atomic<UInt64>>

    init(_ version: Version) {
        published = Atomic(version.transaction)
        let count = Int(Self.ringSize) * Self.fieldCount
        unsafe fields = .allocate(capacity: count)
        for index in 0..<count {
            unsafe (fields + index).initialize(to: Atomic(UInt64.max))
        }
        publish(version)
    }

    deinit {
        unsafe fields.deinitialize(count: Int(Self.ringSize) * Self.fieldCount)
        unsafe fields.deallocate()
    }

    /// The newest version that readers may get. Waits while there is none.
    var transaction: TransactionNumber {
        var spins = 0
        while true {
            schedulePoint()
            let word = published.load(ordering: .sequentiallyConsistent)
            if word & Self.withdrawn == 0 { return word }
            System.pause(&spins)
        }
    }

    /// Takes the newest version back from who has not registered for it yet. The caller publishes
    /// another or puts it back at once, and lets nobody else publish meanwhile.
    func withdraw(_ transaction: TransactionNumber) {
        schedulePoint()
        published.store(transaction | Self.withdrawn, ordering: .sequentiallyConsistent)
        schedulePoint()
    }

    /// Puts a version that was withdrawn back, unchanged.
    func putBack(_ transaction: TransactionNumber) {
        schedulePoint()
        published.store(transaction, ordering: .sequentiallyConsistent)
    }

    private func field(_ transaction: UInt64, _ index: Int) -> Int {
        Int(transaction % Self.ringSize) * Self.fieldCount + index
    }

    /// Whether `transaction` has the place in the ring that the newest version's entry lies in.
    func takesPlaceOfNewest(_ transaction: TransactionNumber) -> Bool {
        transaction % Self.ringSize
            == published.load(ordering: .sequentiallyConsistent) % Self.ringSize
    }

    /// Makes `version` the one that readers get. Numbers only go up; one caller at a time.
    func publish(_ version: Version) {
        let base = field(version.transaction, 0)
        schedulePoint()
        // Unmark first: a reader of the entry's former version must see that it changes.
        unsafe fields[base].store(UInt64.max, ordering: .sequentiallyConsistent)
        schedulePoint()
        unsafe fields[base + 1].store(pack(version.main), ordering: .sequentiallyConsistent)
        unsafe fields[base + 2].store(version.main.entryCount, ordering: .sequentiallyConsistent)
        schedulePoint()
        unsafe fields[base + 3].store(pack(version.catalog), ordering: .sequentiallyConsistent)
        unsafe fields[base + 4].store(version.catalog.entryCount, ordering: .sequentiallyConsistent)
        unsafe fields[base + 5].store(version.tables.bits, ordering: .sequentiallyConsistent)
        schedulePoint()
        unsafe fields[base].store(version.transaction, ordering: .sequentiallyConsistent)
        schedulePoint()
        published.store(version.transaction, ordering: .sequentiallyConsistent)
    }

    /// The entry of `transaction`, or nil when the ring has gone past it.
    func read(_ transaction: TransactionNumber) -> Version? {
        let base = field(transaction, 0)
        schedulePoint()
        guard unsafe fields[base].load(ordering: .acquiring) == transaction else { return nil }
        schedulePoint()
        let bits = unsafe fields[base + 5].load(ordering: .acquiring)
        // An entry that is written for the first time; then its number shows that, too.
        guard bits != UInt64.max else { return nil }
        let tables = TableRoots.Pointer(bits: bits)
        let version = unsafe Version(
            transaction: transaction,
            main: unpack(
                fields[base + 1].load(ordering: .acquiring),
                fields[base + 2].load(ordering: .acquiring)),
            catalog: unpack(
                fields[base + 3].load(ordering: .acquiring),
                fields[base + 4].load(ordering: .acquiring)),
            tables: tables)
        schedulePoint()
        guard unsafe fields[base].load(ordering: .acquiring) == transaction else { return nil }
        return version
    }

    private func pack(_ root: TreeRoot) -> UInt64 { UInt64(root.page) | UInt64(root.height) << 32 }

    private func unpack(_ packed: UInt64, _ count: UInt64) -> TreeRoot {
        TreeRoot(
            page: UInt32(truncatingIfNeeded: packed),
            height: UInt8(truncatingIfNeeded: packed >> 32),
            entryCount: count)
    }
}
