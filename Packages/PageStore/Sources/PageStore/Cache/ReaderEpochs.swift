import StorageIO
import Synchronization

/// Tells when no reader can be inside a page any more that was marked for eviction.
///
/// A reader notes the epoch at its start in a slot and clears the slot at its end. The evictor marks
/// pages (their states are no longer readable), then advances the epoch. A reader whose slot holds
/// the new epoch or a later one has seen the marks, since it read the epoch after they were made;
/// and one that took its slot after the evictor looked sees them too, because both sides put a
/// sequentially consistent fence between their write and their read. So the memory may go when no
/// slot holds an older epoch. (Epoch-based reclamation: Fraser, "Practical lock-freedom", 2004.)
final class ReaderEpochs: Sendable {
    private let slots = SlotTable()
    private let epoch = Atomic<UInt64>(1)

    init() {}

    @inline(__always)
    func enter() -> Int { slots.take(epoch.load(ordering: .acquiring)) }

    @inline(__always)
    func leave(_ slot: Int) { slots.releaseCounted(slot) }

    /// How many readers have left.
    var readCount: UInt64 { slots.releaseCount }

    /// Starts a new epoch, after pages were marked.
    func advance() -> UInt64 {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        schedulePoint()
        return epoch.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    }

    /// Whether every reader of now started in `epoch` or later.
    func allEntered(since epoch: UInt64) -> Bool {
        var isOver = true
        slots.forEach { value in if value < epoch { isOver = false } }
        return isOver
    }
}
