import StorageIO
import Synchronization

/// Slots that any thread takes, sets and gives back without a lock, and that one thread can walk
/// while others do. A free slot holds 0.
///
/// Slots lie 64 bytes apart, 128 on arm64, so that two threads don't share a cache line. They come in blocks, each
/// twice as large as the one before, made when all others are taken and never freed before the
/// table: a walker can't meet a block that is gone.
///
/// Behind each slot's value stands how often it was given back: only its holder writes that, so it needs no atomic
/// addition.
@safe final class SlotTable: @unchecked Sendable {
    // Sendable: constant pointers to atomics.
    #if KVDB_SCHEDULES
        // So that a few threads need a second block.
        private static let firstBlockSlots = 2
    #elseif hasFeature(Embedded)
        // Memory counts there, and threads are few.
        private static let firstBlockSlots = 8
    #else
        private static let firstBlockSlots = 64
    #endif
    private static let blockLimit = 24
    #if arch(arm64)
        private static let stride = 128
    #else
        private static let stride = 64
    #endif

    private let first: UnsafeMutableRawPointer
    private let blocks: UnsafeMutablePointer<Atomic<UInt>>
    /// Where a thread that misses its first probe looks next: behind the slot that was taken last that
    /// way, or at one that was given back. A hint, no more.
    private let nextProbe = Atomic<Int>(0)
    /// How many slots such threads have looked at.
    let probeCount = Atomic<Int>(0)

    init() {
        unsafe first = SlotTable.makeBlock(slots: SlotTable.firstBlockSlots)
        unsafe blocks = .allocate(capacity: SlotTable.blockLimit)
        for index in 0..<SlotTable.blockLimit {
            unsafe (blocks + index).initialize(to: Atomic(0))
        }
        unsafe blocks[0].store(UInt(bitPattern: first), ordering: .releasing)
    }

    deinit {
        for index in 0..<SlotTable.blockLimit {
            if let block = unsafe UnsafeMutableRawPointer(
                bitPattern: blocks[index].load(ordering: .acquiring))
            {
                unsafe block.deallocate()
            }
        }
        unsafe blocks.deallocate()
    }

    private static func makeBlock(slots: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: slots * stride, alignment: stride)
        for index in 0..<slots {
            let words = unsafe (block + index * stride).bindMemory(
                to: Atomic<UInt64>.self, capacity: 2)
            unsafe words.initialize(to: Atomic(0))
            unsafe (words + 1).initialize(to: Atomic(0))
        }
        return unsafe block
    }

    private static func slot(
        _ block: UnsafeMutableRawPointer, _ index: Int
    ) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (block + index * stride).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    private static func slotCount(ofBlock block: Int) -> Int { firstBlockSlots << block }

    /// Takes a free slot and sets it to `value`, which is not 0. Sequentially consistent, and a
    /// fence after it: what the caller reads next is not older than what a walker that missed the
    /// value saw before.
    func take(_ value: UInt64) -> Int {
        let hint = Int(truncatingIfNeeded: System.threadHint) & (SlotTable.firstBlockSlots - 1)
        // The first probe nearly always hits: more threads than slots are rare.
        if unsafe SlotTable.take(first, hint, value) { return hint }
        for step in 1..<min(8, SlotTable.firstBlockSlots) {
            let index = (hint + step) & (SlotTable.firstBlockSlots - 1)
            if unsafe SlotTable.take(first, index, value) { return index }
        }
        return takeElsewhere(value)
    }

    /// With many slots taken: so that each take does not probe all of them, it goes on where the one
    /// before ended, and looks at the others, and makes a block, when none is left there.
    private func takeElsewhere(_ value: UInt64) -> Int {
        var end = slotCount
        let start = min(nextProbe.load(ordering: .relaxed), end)
        if let slot = take(start..<end, value) ?? take(0..<start, value) { return slot }
        while true {
            let next = 2 * end + SlotTable.firstBlockSlots
            if let slot = take(end..<next, value) { return slot }
            end = next
        }
    }

    /// How many slots there are so far.
    private var slotCount: Int {
        var count = 0
        for number in 0..<SlotTable.blockLimit {
            guard unsafe blocks[number].load(ordering: .acquiring) != 0 else { break }
            count += SlotTable.slotCount(ofBlock: number)
        }
        return count
    }

    /// Takes a free slot of those in `range`, whose blocks are made where they are missing.
    private func take(_ range: Range<Int>, _ value: UInt64) -> Int? {
        var (base, number) = (0, 0)
        while base < range.upperBound {
            let count = SlotTable.slotCount(ofBlock: number)
            let inside = range.clamped(to: base..<base + count)
            if !inside.isEmpty {
                let block = unsafe self.block(number)
                for slot in inside where unsafe SlotTable.take(block, slot - base, value) {
                    nextProbe.store(slot + 1, ordering: .relaxed)
                    probeCount.wrappingAdd(slot - inside.lowerBound + 1, ordering: .relaxed)
                    return slot
                }
                probeCount.wrappingAdd(inside.count, ordering: .relaxed)
            }
            base += count
            number += 1
        }
        return nil
    }

    /// After a sequentially consistent change of a slot: what is read next is read after it. On x86-64 the
    /// instruction that makes such a change sees to that, if only the compiler leaves the two in their order.
    @inline(__always)
    private static func fence() {
        #if arch(x86_64)
            System.compilerFence()
        #else
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        #endif
    }

    @inline(__always)
    private static func take(
        _ block: UnsafeMutableRawPointer, _ index: Int, _ value: UInt64
    ) -> Bool {
        let slot = unsafe slot(block, index)
        schedulePoint()
        guard unsafe slot.pointee.load(ordering: .relaxed) == 0,
            unsafe slot.pointee.compareExchange(
                expected: 0, desired: value, ordering: .sequentiallyConsistent
            ).exchanged
        else { return false }
        fence()
        return true
    }

    /// Sets a taken slot to another value, with the ordering of ``take(_:)``.
    func set(_ slot: Int, _ value: UInt64) {
        schedulePoint()
        unsafe pointer(slot).pointee.store(value, ordering: .sequentiallyConsistent)
        SlotTable.fence()
    }

    /// Gives a slot back. What its holder read before is read before whoever sees it free.
    func release(_ slot: Int) {
        schedulePoint()
        if slot < SlotTable.firstBlockSlots {
            unsafe SlotTable.slot(first, slot).pointee.store(0, ordering: .releasing)
        } else {
            unsafe pointer(slot).pointee.store(0, ordering: .releasing)
            nextProbe.store(slot, ordering: .relaxed)
        }
    }

    /// Gives a slot back as ``release(_:)`` does, and counts it.
    @inline(__always)
    func releaseCounted(_ slot: Int) {
        let words =
            unsafe slot < SlotTable.firstBlockSlots ? SlotTable.slot(first, slot) : pointer(slot)
        unsafe words[1].store(words[1].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        release(slot)
    }

    /// How many slots were given back by ``releaseCounted(_:)``.
    var releaseCount: UInt64 {
        var count: UInt64 = 0
        unsafe forEachSlot { words in count &+= unsafe words[1].load(ordering: .relaxed) }
        return count
    }

    /// Calls `body` with the value of each taken slot.
    func forEach(_ body: (UInt64) -> Void) {
        unsafe forEachSlot { words in
            schedulePoint()
            let value = unsafe words.pointee.load(ordering: .sequentiallyConsistent)
            if value != 0 { body(value) }
        }
    }

    private func forEachSlot(_ body: (UnsafeMutablePointer<Atomic<UInt64>>) -> Void) {
        for number in 0..<SlotTable.blockLimit {
            guard
                let block = unsafe UnsafeMutableRawPointer(
                    bitPattern: blocks[number].load(ordering: .sequentiallyConsistent))
            else { return }
            for index in 0..<SlotTable.slotCount(ofBlock: number) {
                unsafe body(SlotTable.slot(block, index))
            }
        }
    }

    private func pointer(_ slot: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        var index = slot
        var number = 0
        while index >= SlotTable.slotCount(ofBlock: number) {
            index -= SlotTable.slotCount(ofBlock: number)
            number += 1
        }
        return unsafe SlotTable.slot(block(number), index)
    }

    /// The block, made by whoever needs it first.
    private func block(_ number: Int) -> UnsafeMutableRawPointer {
        precondition(number < SlotTable.blockLimit, "more than a billion slots are taken")
        let bits = unsafe blocks[number].load(ordering: .acquiring)
        if let block = unsafe UnsafeMutableRawPointer(bitPattern: bits) { return unsafe block }
        let made = unsafe SlotTable.makeBlock(slots: SlotTable.slotCount(ofBlock: number))
        let (exchanged, original) = unsafe blocks[number].compareExchange(
            expected: 0, desired: UInt(bitPattern: made), ordering: .sequentiallyConsistent)
        if exchanged { return unsafe made }
        unsafe made.deallocate()
        return unsafe UnsafeMutableRawPointer(bitPattern: original)!
    }
}
