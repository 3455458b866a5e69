import StorageIO
import Synchronization

/// All that a read needs to find resident pages without a call: copied into an operation once, it
/// turns a page number into an address.
///
/// It does not keep pages in memory: that does the read opened with ``PageReading/beginRead()``.
@safe public struct PageWindow: @unchecked Sendable {
    // Sendable: constant pointers into reserved memory that the store keeps until its end; the
    // states are atomics, and pages are only read through the window.
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let states: UnsafeMutablePointer<Atomic<UInt8>>
    /// Page numbers from here on have no place in the cache.
    public let pageLimit: PageNumber

    /// A window on `pageLimit` pages at `base` with a state byte each.
    public init(
        base: UnsafeMutableRawPointer, states: UnsafeMutablePointer<Atomic<UInt8>>,
        pageLimit: PageNumber
    ) {
        unsafe self.base = base
        unsafe self.states = states
        self.pageLimit = pageLimit
    }

    /// The page, or nil when it has to be loaded first (``PageReading/load(_:)``).
    @inlinable
    public func resident(_ page: PageNumber) -> PageBytes? {
        guard page < pageLimit,
            unsafe states[Int(page)].load(ordering: .acquiring) >= PageState.hot
        else { return nil }
        schedulePoint()
        return address(page)
    }

    /// Whether a page is in memory, newer than the file, and so stays there until it is written.
    @inlinable
    public func isDirty(_ page: PageNumber) -> Bool {
        guard page < pageLimit else { return false }
        schedulePoint()
        return unsafe states[Int(page)].load(ordering: .acquiring) == PageState.dirty
    }

    /// The page's place, whatever is in it. Faster than ``resident(_:)`` for a page that the caller found or
    /// loaded in its open read.
    ///
    /// - Precondition: the page is in memory. What is at the place of another one can't be read: there may
    ///   be no memory. That is not checked.
    @inlinable
    public func address(_ page: PageNumber) -> PageBytes {
        unsafe PageBytes(base + Int(page) << PageLayout.pageShift)
    }
}

/// An open read on a store; see ``PageReading/beginRead()``.
public struct ReadToken: Sendable {
    /// Which slot of the store's readers it holds.
    public let slot: Int

    /// The token for `slot`.
    @inlinable
    public init(slot: Int) { self.slot = slot }
}
