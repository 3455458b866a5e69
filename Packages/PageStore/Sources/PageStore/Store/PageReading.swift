import StorageIO

/// Checks the structure of a page when it enters the cache, beyond what the store itself knows
/// (checksum, number, kind): every offset in bounds. Nil when sound, else what is wrong.
public typealias PageCheck = @Sendable (PageBytes) -> StaticString?

/// What reading a tree needs of the store of its pages.
///
/// Any number of threads may read. Between ``beginRead()`` and ``endRead(_:)`` no page that was
/// resident or loaded since goes away. A page is found through the ``window``; on a miss
/// ``load(_:)`` brings it in. Keep reads short: what they use can't be evicted meanwhile.
public protocol PageReading: AnyObject, Sendable {
    /// Finds resident pages without a call. Constant for the store's life.
    var window: PageWindow { get }

    /// Brings a page into memory, checked. Of an overflow run, the first page's number loads all.
    ///
    /// - Throws: `damaged` with the page, `inputOutput`, `closed`.
    func load(_ page: PageNumber) throws(StorageError)

    /// Keeps the pages used from now on in memory until ``endRead(_:)``. Reads may nest.
    func beginRead() -> ReadToken

    /// Ends a read. Pages found through it must not be touched any more.
    func endRead(_ token: ReadToken)

    /// The value of an overflow run, in one piece, valid as long as the caller's open read.
    ///
    /// - Parameters:
    ///   - page: the first page of the run.
    ///   - byteCount: the length that the tree has noted; another one is damage.
    func overflow(_ page: PageNumber, byteCount: Int) throws(StorageError) -> ByteView

    /// The value of an overflow run like ``overflow(_:byteCount:)``, for a pass over much that is not read
    /// again soon: a run that is not in memory may be read into `buffer`, and then takes no place in the
    /// cache.
    ///
    /// - Parameters:
    ///   - page: the first page of the run.
    ///   - byteCount: the length that the tree has noted; another one is damage.
    ///   - buffer: the caller's, from one value to the next. It grows as needed, and the value may lie in it.
    func overflow(
        _ page: PageNumber, byteCount: Int, beside buffer: inout PageBuffer?
    ) throws(StorageError) -> ByteView

    /// Opens an overflow run for reading in parts. One that is not in memory is read through once and checked (R7),
    /// and takes no place in the cache.
    ///
    /// - Parameters:
    ///   - page: the first page of the run.
    ///   - byteCount: the length that the tree has noted; another one is damage.
    /// - Throws: `damaged`, `inputOutput`, `closed`.
    func openRun(_ page: PageNumber, byteCount: Int) throws(StorageError) -> RunReader

    /// The bytes of a run from a place on: as many as are at hand, at least one unless the place is its end.
    /// Checked like the whole run. The run must still be there: a version that sees it is held.
    ///
    /// - Parameters:
    ///   - run: the run.
    ///   - offset: from 0 to its length.
    /// - Returns: bytes that are valid as long as the caller's open read, and until the reader's next use.
    func portion(of run: RunReader, at offset: Int) throws(StorageError) -> ByteView
}

extension PageReading {
    /// See the requirement; through the cache.
    public func overflow(
        _ page: PageNumber, byteCount: Int, beside buffer: inout PageBuffer?
    ) throws(StorageError) -> ByteView {
        try overflow(page, byteCount: byteCount)
    }

    /// The page, loaded if need be. Only inside an open read.
    @inlinable
    public func page(_ number: PageNumber) throws(StorageError) -> PageBytes {
        if let page = window.resident(number) { return page }
        try load(number)
        return window.address(number)
    }
}
