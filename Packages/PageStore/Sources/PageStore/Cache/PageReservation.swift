import StorageIO

/// The ranges of addresses that ``PageMemory`` consists of.
struct PageReservation {
    /// How many pages there is room for.
    let pageLimit: Int
    /// The pages themselves, closed.
    let pages: AddressSpace
    /// A byte for each page, open to be read.
    let stateBytes: AddressSpace
    /// What is noted for each page of the system's memory.
    let groups: PageGroups

    /// Fewer pages than these are not tried, unless fewer are wanted: 256 MiB.
    private static var leastPages: Int { 1 << 16 }

    /// Reserves ranges for `wanted` pages, or for the largest half, quarter and so on of them that the
    /// system has.
    ///
    /// - Parameter least: with fewer pages than these nothing is done.
    /// - Throws: `outOfMemory`.
    static func reserve(
        _ wanted: Int, atLeast least: Int
    ) throws(StorageError) -> PageReservation {
        let least = min(wanted, max(least, leastPages))
        var limit = wanted
        while true {
            do throws(StorageError) {
                return try PageReservation(pageLimit: limit)
            } catch {
                guard limit > least else { throw error }
                limit = max(limit / 2, least)
            }
        }
    }

    private init(pageLimit: Int) throws(StorageError) {
        self.pageLimit = pageLimit
        groups = try PageGroups(pageLimit: pageLimit)
        // Up to the end of the last group.
        let pageCount = (pageLimit + groups.size - 1) & ~(groups.size - 1)
        guard pageCount <= Int.max >> PageLayout.pageShift else {
            throw StorageError(.outOfMemory, "A file of that size has no room in memory.")
        }
        pages = try AddressSpace(byteCount: pageCount << PageLayout.pageShift)
        stateBytes = try AddressSpace(
            byteCount: (pageCount + PageLayout.pageSize) & ~(PageLayout.pageSize - 1))
        // All of them, since the window must never meet a closed one.
        try stateBytes.openToRead()
    }
}
