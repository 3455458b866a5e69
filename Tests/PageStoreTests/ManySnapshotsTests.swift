import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// What thousands of live snapshots cost, counted in what is looked at.
@Suite struct ManySnapshotsTests {
    /// Each of 4,000 holders has a version of its own and keeps pages of it; transactions and holders that
    /// are renewed come and go.
    @Test func aTransactionLooksAtFewOfManyHeldVersions() throws {
        var allocator = PageAllocator()
        var held: [TransactionNumber] = []
        var random = SeededRandom(seed: 1)
        var current = try #require(try page(&allocator, 1))
        func commit(_ number: TransactionNumber) throws {
            try allocator.begin(number)
            if allocator.isReclaimDue { _ = allocator.reclaim(held: held) }
            let next = allocator.takeFree() ?? grow(&allocator)
            allocator.born.insert(next)
            _ = try allocator.retire(PageNumber(current), count: 1, birth: number - 1)
            try allocator.commit()
            allocator.published = number
            current = next
        }
        let holders: UInt64 = 4000
        for number in 2...holders + 1 {
            try commit(number)
            held.append(number)
        }
        let before = allocator.reclaimVisitCount
        let rounds: UInt64 = 2000
        for number in holders + 2...holders + 1 + rounds {
            try commit(number)
            held.remove(at: random.below(held.count))
            held.append(number)
        }
        // Some times 64, not 4,000.
        #expect((allocator.reclaimVisitCount - before) / rounds < 300)
        #expect(allocator.pending.count >= held.count - 1, "each version has a page of its own")
        held.removeAll()
        _ = allocator.reclaim(held: held)
        #expect(allocator.pending.isEmpty && allocator.buckets.isEmpty)
        #expect(allocator.free.count == allocator.end - 2 - 1, "all but the newest page are free")
    }

    private func page(
        _ allocator: inout PageAllocator, _ number: TransactionNumber
    ) throws(StorageError) -> Int? {
        try allocator.begin(number)
        let page = grow(&allocator)
        allocator.born.insert(page)
        try allocator.commit()
        allocator.published = number
        return page
    }

    private func grow(_ allocator: inout PageAllocator) -> Int {
        allocator.end += 1
        return allocator.end - 1
    }

    /// Releasing every holder at once looks at each bucket once.
    @Test func allAtOnceAreReleasedInOnePass() throws {
        var allocator = PageAllocator()
        let count: UInt64 = 3000
        allocator.end = 2 + Int(count)
        for number in 1...count {
            try allocator.begin(number)
            if number > 1 {
                _ = try allocator.retire(PageNumber(number), count: 1, birth: number - 1)
            }
            allocator.born.insert(1 + Int(number))
            try allocator.commit()
            allocator.published = number
        }
        _ = allocator.reclaim(held: Array(1...count))
        #expect(allocator.buckets.count == Int(count) - 1)
        let before = allocator.reclaimVisitCount
        #expect(allocator.reclaim(held: []).count == Int(count) - 1)
        #expect(allocator.reclaimVisitCount - before < 3 * count)
    }

    /// Registering does not look at all registrations.
    @Test func takingASlotLooksAtFew() {
        let registry = VersionRegistry()
        let count = 10_000
        var slots = (0..<count).map { registry.register(UInt64($0)) }
        #expect(Set(slots).count == count)
        #expect(registry.probeCount < 5 * count)
        let before = registry.probeCount
        var random = SeededRandom(seed: 2)
        for round in 0..<count {
            let index = random.below(count)
            let new = registry.register(UInt64(count + round))
            registry.release(slots[index])
            slots[index] = new
        }
        #expect(Set(slots).count == count)
        #expect(registry.probeCount - before < 20 * count)
        #expect(registry.held().count == count)
    }
}
