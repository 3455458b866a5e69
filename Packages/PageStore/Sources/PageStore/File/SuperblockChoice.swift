import StorageIO

/// Which of a file's two superblocks counts. Opening, verification and salvage all go by this one
/// judgement, so that they never stand on different versions.
public struct SuperblockChoice: Sendable {
    /// What the two slots are.
    public let slots: [Superblock.Slot]
    /// The valid superblock of the highest generation; nil when no slot is valid. Of two of one
    /// generation, which only a forger makes, the second counts.
    public let newest: (superblock: Superblock, slot: Int)?
    /// Whether a slot holds a whole superblock of a later format. A newer program has written it, so
    /// going on from the other slot would undo what it did.
    public let isOfLaterFormat: Bool

    /// Chooses.
    ///
    /// - Parameters:
    ///   - slots: what the two are.
    ///   - isIntact: whether the checksum of a slot's page is right.
    init(_ slots: [Superblock.Slot], isIntact: (_ slot: Int) -> Bool) {
        self.slots = slots
        newest = Self.newest(slots)
        let isNoneValid = newest == nil
        isOfLaterFormat = slots.indices.contains { slot in
            slots[slot] == .newer && (isNoneValid || isIntact(slot))
        }
    }

    private static func newest(_ slots: [Superblock.Slot]) -> (Superblock, slot: Int)? {
        switch (slots[0], slots[1]) {
        case (.valid(let first), .valid(let second)):
            first.generation > second.generation ? (first, 0) : (second, 1)
        case (.valid(let first), _): (first, 0)
        case (_, .valid(let second)): (second, 1)
        default: nil
        }
    }

    /// Whether two valid superblocks can't be of one database: generations and transactions count up
    /// together, so the later generation is never of an earlier transaction, nor two of one generation.
    public var isContradictory: Bool {
        guard let newest, case .valid(let other) = slots[newest.slot ^ 1] else { return false }
        return other.generation == newest.superblock.generation
            || other.record.transaction > newest.superblock.record.transaction
            || other.identifier != newest.superblock.identifier
    }

    /// Whether the slot that does not count is neither a superblock nor as a new file has it: a write
    /// of it was cut off, or it was damaged later. False when no slot is valid.
    public var isOtherSlotDamaged: Bool {
        guard let newest else { return false }
        switch slots[newest.slot ^ 1] {
        case .valid: return false
        // From the second checkpoint on, both slots have been written.
        case .blank: return newest.superblock.generation > 1
        case .damaged, .foreign, .newer: return true
        }
    }
}
