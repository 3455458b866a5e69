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

    @Test func discardedMemoryReadsAsZero() throws {
        let space = try AddressSpace(byteCount: 1 << 24)
        try space.open(at: 0, byteCount: 1 << 20)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: space.start, count: 1 << 20)
        unsafe bytes.copyBytes(from: [UInt8](repeating: 7, count: 1 << 20))
        space.discard(at: 16_384, byteCount: 32_768)
        #expect(unsafe bytes[16_384..<49_152].allSatisfy { $0 == 0 })
        #expect(unsafe bytes[..<16_384].allSatisfy { $0 == 7 })
        #expect(unsafe bytes[49_152...].allSatisfy { $0 == 7 })
        unsafe bytes[20_000] = 9
        #expect(unsafe bytes[20_000] == 9)
    }

    /// One page, some, and more than one system call takes.
    @Test(arguments: [0, 1, 5, 64, 65, 150]) func manyRangesAreDiscardedAtOnce(count: Int) throws {
        let byteCount = 4096 * 320
        let space = try AddressSpace(byteCount: byteCount)
        try space.open(at: 0, byteCount: byteCount)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: space.start, count: byteCount)
        unsafe bytes.copyBytes(from: [UInt8](repeating: 7, count: byteCount))
        space.discard((0..<count).map { 8192 * $0 + 4096..<8192 * $0 + 8192 })
        for page in 0..<320 {
            let isDiscarded = page % 2 == 1 && page / 2 < count
            let content = unsafe bytes[4096 * page..<4096 * (page + 1)]
            #expect(unsafe content.allSatisfy { $0 == (isDiscarded ? 0 : 7) }, "page \(page)")
        }
    }

    /// Sizes that a system lays at such a place by itself, and others.
    @Test(arguments: [2 << 20, 4 << 20, (4 << 20) + 4096, (64 << 20) - 4096, 1 << 40])
    func largeRangesBeginWhereALargePageDoes(byteCount: Int) throws {
        for _ in 0..<20 {
            let spaces = try [4096, byteCount, 12_288, byteCount].map {
                try AddressSpace(byteCount: $0)
            }
            for space in spaces where space.byteCount == byteCount {
                #expect(unsafe Int(bitPattern: space.start) % AddressSpace.largePageSize == 0)
                try space.open(at: byteCount - 4096, byteCount: 4096)
                unsafe space.start.storeBytes(
                    of: 7, toByteOffset: byteCount - 1, as: UInt8.self)
            }
        }
    }

    @Test func gatheringInALargePageKeepsWhatIsThere() throws {
        let large = AddressSpace.largePageSize
        let space = try AddressSpace(byteCount: 2 * large + 4096)
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
