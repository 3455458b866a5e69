import StorageIO
import Synchronization

/// What readers know of a file's space without its lock. `FileSpace` changes it, under the lock.
final class SpaceBounds: Sendable {
    /// All page numbers are below.
    let end: Atomic<Int>
    /// The highest end ever: no page beyond was ever in memory.
    let highestEnd: Atomic<Int>
    /// No sound page is born later.
    let newestBirth: Atomic<UInt64>
    /// What is born earlier is not of the running transaction, nor of one that could be next.
    let lowestNewborn: Atomic<UInt64>
    /// The transaction of the durable checkpoint.
    let durableTransaction: Atomic<UInt64>
    /// Whether the reserve was touched, or the disk was full.
    let isShort = Atomic<Bool>(false)

    init(_ superblock: Superblock) {
        end = Atomic(Int(superblock.pageCount))
        highestEnd = Atomic(Int(superblock.pageCount))
        newestBirth = Atomic(superblock.record.transaction)
        lowestNewborn = Atomic(superblock.record.transaction)
        durableTransaction = Atomic(superblock.record.transaction)
    }
}
