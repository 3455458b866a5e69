import CStorageIO

/// A reserved range of addresses that costs nothing until parts of it are opened and touched.
///
/// The page cache puts page *p* at `start + p * 4096` of one such range, so that a page number is
/// an address. Opened memory reads as zero until written.
@safe public final class AddressSpace: @unchecked Sendable {
    // Sendable: both are constant; who may touch which byte is the owner's concern.
    /// The first address, aligned to the system's page size.
    public let start: UnsafeMutableRawPointer
    /// How many bytes are reserved.
    public let byteCount: Int

    /// Bytes of a page of the system's memory: 4096 on most machines, 16384 or 65536 on some with arm64,
    /// Apple's among them. Memory is opened and given back by such pages.
    public static var pageSize: Int { csio_page_size() }

    /// Reserves `byteCount` bytes without access rights.
    ///
    /// - Throws: `outOfMemory` when the system has no such range left.
    public init(byteCount: Int) throws(StorageError) {
        guard byteCount > 0, let start = unsafe csio_reserve(byteCount) else {
            throw StorageError(
                .outOfMemory,
                "No \(byteCount) bytes of address space are left; open with a smaller maximum file size."
            )
        }
        unsafe self.start = start
        self.byteCount = byteCount
    }

    deinit { _ = unsafe csio_release(start, byteCount) }

    /// Makes a range readable and writable, and with it all of each page of the system's memory
    /// (``pageSize``) that it reaches into.
    ///
    /// - Throws: `outOfMemory`.
    public func open(at offset: Int, byteCount: Int) throws(StorageError) {
        precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= self.byteCount)
        guard unsafe csio_open_memory(start + offset, byteCount) == 0 else {
            throw StorageError(.outOfMemory, "The system has no memory left for the page cache.")
        }
    }

    /// Makes all of it readable: what is not opened to be written reads as zero, and is no memory that the
    /// system would have to keep for this process.
    ///
    /// - Throws: `outOfMemory`.
    public func openToRead() throws(StorageError) {
        guard unsafe csio_open_memory_to_read(start, byteCount) == 0 else {
            throw StorageError(.outOfMemory, "The system has no memory left for the page cache.")
        }
    }

    /// Wishes for large pages of memory (2 MiB on most machines) behind a range, or for small ones
    /// again, which is what every range begins with. Large ones spare the processor most of its
    /// look-ups of addresses, and take their size as soon as one byte is touched. Offsets are multiples
    /// of ``pageSize``.
    public func preferLargePages(_ large: Bool, at offset: Int, byteCount: Int) {
        precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= self.byteCount)
        if large {
            unsafe csio_prefer_large_pages(start + offset, byteCount)
        } else {
            unsafe csio_prefer_small_pages(start + offset, byteCount)
        }
    }

    /// Bytes of a large page of memory on most machines. A range of that size or more begins at a multiple of
    /// it.
    public static var largePageSize: Int { Int(CSIO_LARGE_PAGE) }

    /// Puts what lies in small pages of memory into the large one that they are parts of, at once, where the
    /// system can do that (Linux 6.1 and later) and large pages are not forbidden.
    ///
    /// - Parameter offset: a multiple of ``largePageSize``. Where the range ends before the large page
    ///   does, nothing is done.
    public func gatherIntoLargePage(at offset: Int) {
        precondition(offset >= 0 && offset % Self.largePageSize == 0)
        guard offset + Self.largePageSize <= byteCount else { return }
        unsafe csio_gather_into_large_page(start + offset, Self.largePageSize)
    }

    /// Gives memory back to the system: that of its pages (``pageSize``) which lie in the open range as a
    /// whole. Every other byte stays as it is.
    ///
    /// What was given back reads as zero on Linux and Apple platforms.
    public func discard(at offset: Int, byteCount: Int) {
        precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= self.byteCount)
        _ = unsafe csio_discard_memory(start + offset, byteCount)
    }

    /// Gives the memory of many ranges back, each as ``discard(at:byteCount:)`` does, with fewer system
    /// calls.
    public func discard(_ ranges: [Range<Int>]) {
        let parts = ranges.map { range in
            precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
            return csio_range(offset: range.lowerBound, byte_count: range.count)
        }
        unsafe parts.withUnsafeBufferPointer {
            _ = unsafe csio_discard_ranges(start, $0.baseAddress, $0.count)
        }
    }
}
