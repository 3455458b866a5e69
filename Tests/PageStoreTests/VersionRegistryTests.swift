import PageStore
import StorageIO
import Synchronization
import Testing

@Suite struct VersionRegistryTests {
    @Test func listsEachHeldVersionOnceInOrder() {
        let registry = VersionRegistry()
        #expect(registry.held().isEmpty && registry.oldest == nil)
        let slots = [7, 0, 3, 7].map { registry.register($0) }
        #expect(registry.held() == [0, 3, 7])
        #expect(registry.oldest == 0)
        registry.update(slots[1], 9)
        #expect(registry.held() == [3, 7, 9])
        registry.release(slots[0])
        #expect(registry.held() == [3, 7, 9])
        registry.release(slots[3])
        #expect(registry.held() == [3, 9])
    }

    @Test func growsBeyondItsFirstBlock() {
        let registry = VersionRegistry()
        var slots = (0..<1000).map { registry.register(UInt64($0)) }
        #expect(Set(slots).count == 1000)
        #expect(registry.held().count == 1000)
        for slot in slots { registry.release(slot) }
        #expect(registry.held().isEmpty)
        slots = (0..<1000).map { registry.register(UInt64($0)) }
        #expect(Set(slots).count == 1000 && slots.max()! < 2000)
    }

    @Test func takesAndReleasesFromManyThreads() throws {
        let registry = VersionRegistry()
        let missing = Atomic(0)
        let threads = try (0..<4).map { number in
            try SystemThread {
                for round in 0..<2000 {
                    let slots = (0..<40).map { registry.register(UInt64(number * 100 + $0)) }
                    if round % 500 == 0 {
                        let held = registry.held()
                        let lost = (0..<40).count { !held.contains(UInt64(number * 100 + $0)) }
                        missing.add(lost, ordering: .relaxed)
                    }
                    for slot in slots { registry.release(slot) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(missing.load(ordering: .relaxed) == 0)
        #expect(registry.held().isEmpty)
    }
}
