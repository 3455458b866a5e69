/// A value that only code under its lock can reach: the lock owns its state, so that "under the lock" is
/// said by the type. It lies inside of its owner, which holds it in a `let`.
@safe public struct Guarded<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Sendable: the pointer never changes, and what it points at is reached under the lock alone.
    @usableFromInline let lock = Lock()
    @usableFromInline let state: UnsafeMutablePointer<State>

    /// Guards `initial`.
    public init(_ initial: consuming State) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: initial)
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Runs `body` on the state under the lock. It must not come back here.
    @inlinable @inline(__always)
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.acquire()
        defer { lock.release() }
        return try unsafe body(&state.pointee)
    }

    /// Runs `body` on the state under the lock if that is free, and does not wait for it. Returns false if it is
    /// not.
    @discardableResult
    public func withLockIfFree<Failure: Error>(
        _ body: (inout State) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        guard lock.tryAcquire() else { return false }
        defer { lock.release() }
        try unsafe body(&state.pointee)
        return true
    }

    /// Waits while `isInTheWay` says so, then runs `body`, with the lock held from the last look on.
    ///
    /// - Parameters:
    ///   - condition: is signaled or broadcast after each change that may end the wait.
    ///   - isInTheWay: looks at the state.
    ///   - body: goes on.
    public func withLock<Result: ~Copyable, Failure: Error>(
        after condition: Condition, while isInTheWay: (borrowing State) -> Bool,
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.acquire()
        defer { lock.release() }
        while unsafe isInTheWay(state.pointee) { condition.wait(lock) }
        return try unsafe body(&state.pointee)
    }
}
