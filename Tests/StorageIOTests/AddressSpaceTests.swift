import Foundation
import StorageIO
import Testing

@Suite struct AddressSpaceTests {
    @Test func openedMemoryIsZeroAndKeepsWhatIsWritten() throws {
        // Far more than there is memory: a reservation costs nothing.
        let space = try AddressSpace(byteCount: 1 << 40)
        let far = 1 << 39
        try space.open(at: 0, byteCount: 65_536)
        try space.open(at: far, byteCount: 65_536)
        for offset in [0, far] {
            let page = unsafe UnsafeMutableRawBufferPointer(
                start: space.start + offset, count: 65_536)
            #expect(unsafe page.allSatisfy { $0 == 0 })
            unsafe page.copyBytes(from: [UInt8](repeating: 7, count: 65_536))
            #expect(unsafe page.allSatisfy { $0 == 7 })
        }
        // Opening again changes nothing.
        try space.open(at: 0, byteCount: 65_536)
        #expect(unsafe space.start.load(as: UInt8.self) == 7)
    }

    @Test func thePageSizeIsTheSystemsOrTheOneAskedFor() {
        let size = AddressSpace.pageSize
        #expect(size >= 4096 && size & (size - 1) == 0)
        // Scripts/check-page-sizes relies on that: otherwise it would check the same size again.
        if let asked = ProcessInfo.processInfo.environment["KVDB_PAGE_SIZE"] {
            #expect("\(size)" == asked)
        }
    }

    @Test func discardedMemoryReadsAsZero() throws {
        let page = AddressSpace.pageSize
        let space = try AddressSpace(byteCount: 64 * page)
        try space.open(at: 0, byteCount: 64 * page)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: space.start, count: 64 * page)
        unsafe bytes.copyBytes(from: [UInt8](repeating: 7, count: 64 * page))
        space.discard(at: 4 * page, byteCount: 8 * page)
        #expect(unsafe bytes[4 * page..<12 * page].allSatisfy { $0 == 0 })
        #expect(unsafe bytes[..<(4 * page)].allSatisfy { $0 == 7 })
        #expect(unsafe bytes[(12 * page)...].allSatisfy { $0 == 7 })
        unsafe bytes[5 * page + 7] = 9
        #expect(unsafe bytes[5 * page + 7] == 9)
    }

    /// A part of a page of memory: the system would take all of it, or refuse.
    @Test func nothingOutsideADiscardedRangeIsTouched() throws {
        let page = AddressSpace.pageSize
        let byteCount = 8 * page
        let some = [0, 1, 100, 4096, page - 1, page, page + 1, page + 4096, 2 * page, 3 * page - 1]
        for start in some {
            for end in some.map({ start + $0 }) {
                let space = try AddressSpace(byteCount: byteCount)
                try space.open(at: 0, byteCount: byteCount)
                let bytes = unsafe UnsafeMutableRawBufferPointer(
                    start: space.start, count: byteCount)
                unsafe bytes.copyBytes(from: [UInt8](repeating: 7, count: byteCount))
                if start % 2 == 0 {
                    space.discard(at: start, byteCount: end - start)
                } else {
                    // Others beside it, of which one is no whole page either.
                    space.discard([start..<end, 7 * page..<8 * page, 6 * page..<6 * page + 1])
                    unsafe bytes[(7 * page)...].copyBytes(
                        from: [UInt8](repeating: 7, count: page))
                }
                for at in 0..<byteCount {
                    let whole = at / page * page
                    let isInside = whole >= start && whole + page <= end
                    guard unsafe bytes[at] != (isInside ? 0 : 7) else { continue }
                    Issue.record("byte \(at), of \(start)..<\(end), is \(unsafe bytes[at])")
                    break
                }
            }
        }
    }

    /// One page, some, and more than one system call takes.
    @Test(arguments: [0, 1, 5, 64, 65, 150]) func manyRangesAreDiscardedAtOnce(count: Int) throws {
        let page = AddressSpace.pageSize
        let byteCount = page * 320
        let space = try AddressSpace(byteCount: byteCount)
        try space.open(at: 0, byteCount: byteCount)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: space.start, count: byteCount)
        unsafe bytes.copyBytes(from: [UInt8](repeating: 7, count: byteCount))
        space.discard((0..<count).map { 2 * page * $0 + page..<2 * page * ($0 + 1) })
        for index in 0..<320 {
            let isDiscarded = index % 2 == 1 && index / 2 < count
            let content = unsafe bytes[page * index..<page * (index + 1)]
            #expect(unsafe content.allSatisfy { $0 == (isDiscarded ? 0 : 7) }, "page \(index)")
        }
    }

    /// Sizes that a system lays at such a place by itself, and others.
    @Test(
        arguments: [
            2 << 20, 4 << 20, (4 << 20) + AddressSpace.pageSize,
            (64 << 20) - AddressSpace.pageSize, 1 << 40,
        ])
    func largeRangesBeginWhereALargePageDoes(byteCount: Int) throws {
        let page = AddressSpace.pageSize
        for _ in 0..<20 {
            let spaces = try [page, byteCount, 3 * page, byteCount].map {
                try AddressSpace(byteCount: $0)
            }
            for space in spaces where space.byteCount == byteCount {
                #expect(unsafe Int(bitPattern: space.start) % AddressSpace.largePageSize == 0)
                try space.open(at: byteCount - page, byteCount: page)
                unsafe space.start.storeBytes(
                    of: 7, toByteOffset: byteCount - 1, as: UInt8.self)
            }
        }
    }

    @Test func gatheringInALargePageKeepsWhatIsThere() throws {
        let large = AddressSpace.largePageSize
        let space = try AddressSpace(byteCount: 2 * large + AddressSpace.pageSize)
        try space.open(at: 0, byteCount: space.byteCount)
        let bytes = unsafe UnsafeMutableRawBufferPointer(
            start: space.start, count: space.byteCount)
        for page in stride(from: 0, to: space.byteCount, by: 3 * 4096) {
            unsafe bytes[page + 5] = UInt8(truncatingIfNeeded: page >> 12)
        }
        space.preferLargePages(true, at: 0, byteCount: space.byteCount)
        // The last one is not all of one.
        for offset in [0, large, 2 * large] { space.gatherIntoLargePage(at: offset) }
        for page in stride(from: 0, to: space.byteCount, by: 4096) {
            let expected = page % (3 * 4096) == 0 ? UInt8(truncatingIfNeeded: page >> 12) : 0
            #expect(unsafe bytes[page + 5] == expected, "page \(page >> 12)")
        }
    }

    @Test func moreThanThereIsIsAnError() {
        #expect(errorCode { _ = try AddressSpace(byteCount: .max) } == .outOfMemory)
        #expect(errorCode { _ = try AddressSpace(byteCount: 0) } == .outOfMemory)
        #expect(errorCode { _ = try AddressSpace(byteCount: -1) } == .outOfMemory)
    }
}
