import StorageIO
import Testing

@testable import PageStore

/// The transitions of the diagram at `PageState`, one by one.
@Suite struct PageTableTests {
    private let memory: PageMemory
    private let table: PageTable

    init() throws {
        memory = try PageMemory(sizeLimit: 64 << 20, cacheBudget: 1 << 20)
        try memory.open(through: 64)
        table = PageTable(memory)
    }

    private var dirtyCount: Int { table.dirtyCount.load(ordering: .relaxed) }

    private func states(_ pages: Range<Int>) -> [UInt8] { pages.map { table.state($0) } }

    @Test func dirtyPagesAreCountedByTheirStates() {
        let run = PageAllocator.Run(page: 2, count: 3)
        table.claim(run)
        OverflowLayout.writeHeader(memory.page(2), number: 2, birth: 1, byteCount: 8500)
        #expect(states(2..<5) == [PageState.dirty, PageState.interior, PageState.interior])
        #expect(dirtyCount == 3)
        table.claim(5)
        memory.page(5).writeHeader(number: 5, birth: 1, kind: .leaf)
        #expect(dirtyCount == 4)
        table.markWritten(PageAllocator.Run(page: 5, count: 1))
        #expect(table.state(5) == PageState.cold)
        #expect(dirtyCount == 3)
        #expect(table.touch(5))
        #expect(!table.makeDirty(5, from: PageState.cold))
        #expect(table.makeDirty(5, from: PageState.hot))
        #expect(dirtyCount == 4)
        table.free(run)
        #expect(states(2..<5) == [PageState.stale, PageState.stale, PageState.stale])
        #expect(dirtyCount == 1)
        table.drop(run)
        #expect(states(2..<5) == [PageState.free, PageState.free, PageState.free])
    }

    @Test func oneThreadReadsAPageIn() {
        #expect(table.beginLoad(2))
        #expect(!table.beginLoad(2))
        #expect(table.beginLoadInside(3))
        #expect(!table.beginLoad(3))
        table.abandonLoad(PageAllocator.Run(page: 2, count: 2))
        #expect(states(2..<4) == [PageState.absent, PageState.absent])
        #expect(table.beginLoad(2))
        table.finishLoad(PageAllocator.Run(page: 2, count: 1))
        #expect(memory.window.resident(2) != nil)
    }

    @Test func aMarkedPageIsTakenBackOrGoes() {
        for page in 2..<4 {
            #expect(table.beginLoad(page))
            table.finishLoad(PageAllocator.Run(page: page, count: 1))
            #expect(!table.beginEviction(page), "it was used lately")
            table.spare(page)
            #expect(table.beginEviction(page))
            #expect(memory.window.resident(PageNumber(page)) == nil)
        }
        table.rescue(2)
        #expect(!table.isBeingEvicted(2))
        #expect(table.isBeingEvicted(3))
        table.finishEviction([PageAllocator.Run(page: 3, count: 1)])
        #expect(states(2..<4) == [PageState.hot, PageState.absent])
    }

    @Test func aFreePageIsNotReadUntilItIsTaken() {
        table.beginFree(2, count: 2)
        #expect(!table.beginLoad(2))
        table.passBy(2)
        #expect(table.beginLoad(2))
        table.finishLoad(PageAllocator.Run(page: 2, count: 1))
        table.free(PageAllocator.Run(page: 2, count: 2))
        #expect(states(2..<4) == [PageState.stale, PageState.free])
        table.passBy(2)
        #expect(table.state(2) == PageState.absent)
    }
}
