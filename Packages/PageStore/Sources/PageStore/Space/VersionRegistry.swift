import StorageIO
import Synchronization

/// The versions that live snapshots hold. Any thread, no lock.
///
/// A reader takes the published version *v*, registers it, and then looks whether *v* is still the
/// published version; if not, it updates its slot to the newer one and looks again. Registering is
/// sequentially consistent, and whoever frees pages reads the published version first and the slots
/// second: so it either sees the slot, or the reader sees the newer version.
public final class VersionRegistry: Sendable {
    // A slot holds version + 1, since version 0 (the empty database) can be held and 0 means free.
    private let slots = SlotTable()

    /// How many slots were looked at by those who found none where they looked first.
    var probeCount: Int { slots.probeCount.load(ordering: .relaxed) }

    /// An empty registry.
    public init() {}

    /// Holds version `t` until ``release(_:)``.
    ///
    /// - Returns: the slot that stands for it.
    public func register(_ t: TransactionNumber) -> Int { slots.take(t &+ 1) }

    /// Holds version `t` with this slot in place of what it held.
    ///
    /// - Precondition: ``register(_:)`` gave the slot, and it was not released since. That is not checked.
    public func update(_ slot: Int, _ t: TransactionNumber) { slots.set(slot, t &+ 1) }

    /// Gives the slot back.
    ///
    /// - Precondition: ``register(_:)`` gave the slot, and it was not released since. That is not checked.
    public func release(_ slot: Int) { slots.release(slot) }

    /// The held versions, ascending, each once. O(slots × log slots).
    public func held() -> [TransactionNumber] {
        var versions: [TransactionNumber] = []
        // Few are held mostly, and whoever asks may add one.
        versions.reserveCapacity(8)
        slots.forEach { value in versions.append(value - 1) }
        guard versions.count > 1 else { return versions }
        versions.sort()
        var count = 0
        for index in versions.indices where count == 0 || versions[count - 1] != versions[index] {
            versions[count] = versions[index]
            count += 1
        }
        versions.removeLast(versions.count - count)
        return versions
    }

    /// The oldest held version, if any.
    public var oldest: TransactionNumber? {
        var oldest: TransactionNumber?
        slots.forEach { value in oldest = min(oldest ?? .max, value - 1) }
        return oldest
    }

    /// The newest version that is held, if any. O(slots).
    public var newest: TransactionNumber? {
        var newest: UInt64 = 0
        // Held versions are in the slots one higher.
        slots.forEach { value in newest = max(newest, value) }
        return newest == 0 ? nil : newest - 1
    }
}

extension [TransactionNumber] {
    /// In an ascending list, the index of the first that is not below `version`. O(log n).
    func firstIndex(notBelow version: TransactionNumber) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < version { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Inserts into an ascending list without duplicates.
    mutating func insertInOrder(_ version: TransactionNumber) {
        let index = firstIndex(notBelow: version)
        if index == count || self[index] != version { insert(version, at: index) }
    }
}
