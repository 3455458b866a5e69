import CStorageIO

/// A mutual exclusion lock. Not recursive. `Synchronization.Mutex` does the same, but does not
/// exist under Embedded Swift and can't be waited on by a ``Condition``.
@safe public final class Lock: @unchecked Sendable {
    // Sendable: the pointer never changes and what it points at is a lock.
    fileprivate let handle: OpaquePointer

    /// An open lock.
    public init() { unsafe handle = csio_lock_create() }

    deinit { unsafe csio_lock_destroy(handle) }

    /// Waits for the lock and takes it.
    public func acquire() { unsafe csio_lock_acquire(handle) }

    /// Takes the lock if it is free; whether it did.
    public func tryAcquire() -> Bool { unsafe csio_lock_try(handle) != 0 }

    /// Gives the lock back; only its holder may.
    public func release() { unsafe csio_lock_release(handle) }

    /// Runs `body` under the lock.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquire()
        defer { release() }
        return try body()
    }
}

/// A condition variable: threads wait on it, holding a ``Lock``, until another says go on.
@safe public final class Condition: @unchecked Sendable {
    // Sendable: the pointer never changes and what it points at is a condition variable.
    private let handle: OpaquePointer

    /// A condition that nobody waits on.
    public init() { unsafe handle = csio_condition_create() }

    deinit { unsafe csio_condition_destroy(handle) }

    /// Gives `lock` back, waits for a wake-up (or none: check what you wait for in a loop), and
    /// takes it again.
    public func wait(_ lock: Lock) { unsafe csio_condition_wait(handle, lock.handle) }

    /// The same for at most `nanoseconds`; false when the time is over.
    public func wait(_ lock: Lock, nanoseconds: UInt64) -> Bool {
        unsafe csio_condition_wait_for(handle, lock.handle, nanoseconds) != 0
    }

    /// Wakes one waiting thread.
    public func signal() { unsafe csio_condition_signal(handle) }

    /// Wakes all waiting threads.
    public func broadcast() { unsafe csio_condition_broadcast(handle) }
}
