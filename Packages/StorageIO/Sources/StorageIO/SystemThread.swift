import CStorageIO

/// A thread of the operating system. Join or detach it, once.
@safe public final class SystemThread: @unchecked Sendable {
    // Sendable: set once in `init`, used once in `join` or `detach`.
    private let handle: UnsafeMutableRawPointer

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body`.
    ///
    /// - Throws: `outOfMemory` when the system gives no thread.
    public init(_ body: @escaping @Sendable () -> Void) throws(StorageError) {
        let context = unsafe Unmanaged.passRetained(Body(body))
        let started = unsafe csio_thread_start(
            { context in
                unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
            }, context.toOpaque())
        guard let handle = unsafe started else {
            unsafe context.release()
            throw StorageError(.outOfMemory, "The system has no thread left to start.")
        }
        unsafe self.handle = handle
    }

    /// Waits for the thread's end.
    public func join() { unsafe csio_thread_join(handle) }

    /// Lets the thread end by itself: nobody will join it.
    public func detach() { unsafe csio_thread_detach(handle) }
}

/// The system's clock, scheduler and entropy.
public enum System {
    /// Monotonic nanoseconds since some fixed moment.
    public static var now: UInt64 { csio_now() }

    /// Lets other threads run.
    public static func yield() { csio_yield() }

    /// Waits a little for another thread in a loop that looks again; `spins` counts how often.
    public static func pause(_ spins: inout Int) {
        spins += 1
        if spins < 64 { yield() } else { sleep(nanoseconds: 20_000) }
    }

    /// Pauses the calling thread.
    public static func sleep(nanoseconds: UInt64) { csio_sleep(nanoseconds) }

    /// Keeps the compiler, not the processor, from moving reads and writes over this place.
    @inlinable
    @inline(__always)
    public static func compilerFence() { csio_compiler_fence() }

    /// A number that differs between threads alive at one time, in about a nanosecond.
    @inlinable
    public static var threadHint: UInt64 { csio_thread_hint() }

    /// The number of this process.
    public static var processNumber: Int { Int(csio_process_number()) }

    /// How many forks lie between the process that first asked and this one: a handle that was made
    /// at another depth belongs to a parent. In about a nanosecond.
    public static var forkDepth: UInt32 { UInt32(truncatingIfNeeded: csio_fork_depth()) }

    /// 64 bits of the system's entropy.
    public static func randomNumber() -> UInt64 {
        var number: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &number) { bytes in
            unsafe csio_random_bytes(bytes.baseAddress, bytes.count)
        }
        return number
    }
}
