import StorageIO
import Synchronization

extension FileSpace {
    /// Stops the process if an invariant does not hold, where that is looked at (``InvariantChecks``).
    func checkInvariants() {
        if InvariantChecks.areOn, let brokenInvariant { InvariantChecks.stop(brokenInvariant) }
    }

    /// The first of P1 to P8 that does not hold, as a sentence; nil if all do.
    var brokenInvariant: String? { allocator.brokenInvariant ?? brokenCheckpoint ?? brokenEnd }

    private var brokenCheckpoint: String? {
        guard allocator.chain.count == Int(superblock.freeListPageCount) else {
            return "P7: the durable free list has other pages than the superblock says."
        }
        let isWritten = allocator.newChain.isEmpty && allocator.frozen.isEmpty
        return runningCheckpoint != nil || isWritten
            ? nil : "P7: pages are frozen for no checkpoint, or taken for its free list."
    }

    private var brokenEnd: String? {
        guard bounds.end.load(ordering: .relaxed) == allocator.end else {
            return "P8: readers know another end than the allocator."
        }
        return isReadOnly || allocator.end <= filePages
            ? nil : "P8: the file ends before its space does."
    }
}
