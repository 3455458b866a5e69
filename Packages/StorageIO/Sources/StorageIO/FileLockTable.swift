/// Who holds the lock of one file: any number of shared holders, or one exclusive one.
///
/// The system's locks keep processes apart; this keeps the handles of one process apart, and is
/// all there is for files in memory; whoever writes another ``FileSystem`` can use it too. Not safe
/// for threads by itself: it belongs under its owner's lock.
public struct FileLockTable: Sendable {
    /// The holders, by a number of the owner's choice that is unique among open handles.
    public private(set) var holders: [(handle: Int, isExclusive: Bool)] = []

    /// A lock that nobody holds.
    public init() {}

    /// Whether nobody holds the lock.
    public var isEmpty: Bool { holders.isEmpty }

    /// Why `handle` can't have the lock now, or nil when it can. What the handle holds itself does
    /// not stand in its way, so a lock can be made stronger or weaker.
    public func conflict(handle: Int, exclusive: Bool, path: String) -> StorageError? {
        for holder in holders where holder.handle != handle {
            if !exclusive && !holder.isExclusive { continue }
            let use: StaticString = holder.isExclusive ? "for writing" : "for reading"
            return StorageError(
                .locked,
                """
                This process (number \(System.processNumber)) has the file open \(use) already; \
                use that handle or close it first.
                """, path: path)
        }
        return nil
    }

    /// Enters `handle` as a holder, in place of what it held before.
    public mutating func hold(handle: Int, exclusive: Bool) {
        drop(handle: handle)
        holders.append((handle, exclusive))
    }

    /// Strikes `handle` out.
    public mutating func drop(handle: Int) {
        holders.removeAll { $0.handle == handle }
    }
}
