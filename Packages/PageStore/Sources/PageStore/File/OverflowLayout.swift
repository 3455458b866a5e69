import StorageIO

/// Where the fields of an overflow run lie: one header on its first page, then the value's bytes
/// without a gap over all its pages. The table is in `Docs/FileFormat.md`.
enum OverflowLayout {
    /// u32: the value's length in bytes.
    static var byteCount: Int { 20 }
    /// u32: how many pages the run has.
    static var pageCount: Int { 24 }
    /// u32: CRC-32C of bytes 4 to 27, so that a run can be retired without reading all of it.
    static var headerChecksum: Int { 28 }

    /// The longest value in bytes.
    static var maximumByteCount: Int { 1 << 30 }

    /// How many pages a value of `byteCount` bytes takes.
    static func pageCount(byteCount: Int) -> Int {
        (PageLayout.headerSize + byteCount + PageLayout.pageSize - 1) >> PageLayout.pageShift
    }

    /// Writes the header of a run, all but the page checksum.
    static func writeHeader(
        _ page: PageBytes, number: PageNumber, birth: TransactionNumber, byteCount: Int
    ) {
        page.writeHeader(number: number, birth: birth, kind: .overflow)
        page.store(UInt32(byteCount), at: OverflowLayout.byteCount)
        page.store(UInt32(pageCount(byteCount: byteCount)), at: OverflowLayout.pageCount)
        page.store(headerChecksum(of: page), at: headerChecksum)
    }

    static func headerChecksum(of page: PageBytes) -> UInt32 {
        let start = PageLayout.checksumSize
        return CRC32C.checksum(page.bytes(start, count: headerChecksum - start))
    }

    /// Whether the fields of a header agree with each other.
    static func isConsistent(_ page: PageBytes) -> Bool {
        let byteCount = Int(page.u32(byteCount))
        return byteCount <= maximumByteCount
            && Int(page.u32(pageCount)) == pageCount(byteCount: byteCount)
            && page.u16(PageLayout.kindFields) == 0 && page.level == 0
    }
}
