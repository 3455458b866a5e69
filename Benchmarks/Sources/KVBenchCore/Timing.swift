import CPeers
import Histogram
@_spi(Engine) import KVDB
import StorageIO
import Synchronization

/// Nanoseconds on the clock that all engines are timed by.
@inline(__always)
func now() -> UInt64 { peer_now() }

/// What one loop took: the whole of it, and a sample of its operations one by one.
struct LoopTiming: Sendable {
    var operations = 0
    var began: UInt64 = 0
    var ended: UInt64 = 0
    var samples: [UInt64] = []

    var seconds: Double { Double(ended - began) / 1e9 }
}

/// Which operations of a loop are timed by themselves: reading the clock twice takes about 50 ns, which
/// must not become part of an operation that takes 500.
enum Sampling {
    case all, oneInSixteen

    @inline(__always)
    var mask: Int { self == .all ? 0 : 15 }
}

/// Runs `body` with 0, 1, 2 … until `operations` are done or the time is up, which is looked at where
/// the clock is read anyway.
@inline(__always)
func timedLoop(
    _ operations: Int, _ sampling: Sampling, limitSeconds: Double,
    _ body: (Int) throws -> Void
) rethrows -> LoopTiming {
    var timing = LoopTiming()
    let mask = sampling.mask
    timing.samples.reserveCapacity(min(operations, 1 << 21) / (mask + 1) + 1)
    timing.began = now()
    let deadline = timing.began + UInt64(limitSeconds * 1e9)
    var index = 0
    while index < operations {
        if index & mask == 0 {
            let start = now()
            try body(index)
            let end = now()
            timing.samples.append(end - start)
            index += 1
            if end > deadline { break }
        } else {
            try body(index)
            index += 1
        }
    }
    timing.ended = now()
    timing.operations = index
    return timing
}

/// What the threads of one run share.
private final class ThreadState: Sendable {
    let ready = Atomic(0)
    let results = Mutex<[Result<LoopTiming, any Error>]>([])
}

/// Runs `body` on several threads, which start together, and gives what each of them took.
///
/// - Parameter body: is given the thread's number and a function that waits until all are ready.
func onThreads(
    _ count: Int, _ body: @escaping @Sendable (Int, () -> Void) throws -> LoopTiming
) throws -> [LoopTiming] {
    let state = ThreadState()
    let threads = try (0..<count).map { thread in
        try SystemThread {
            let result = Result {
                try body(thread) {
                    state.ready.add(1, ordering: .acquiringAndReleasing)
                    while state.ready.load(ordering: .acquiring) < count { System.yield() }
                }
            }
            // One that fails before the others are ready must not leave them waiting.
            if case .failure = result { state.ready.add(count, ordering: .acquiringAndReleasing) }
            state.results.withLock { $0.append(result) }
        }
    }
    for thread in threads { thread.join() }
    return try state.results.withLock { try $0.map { try $0.get() } }
}

/// p50, p99 and p99.9 of a loop's samples, in nanoseconds.
public struct Latency: Codable, Sendable, Equatable {
    /// Half of the operations took no longer.
    public var p50: Double
    /// Of a hundred operations one took longer.
    public var p99: Double
    /// Of a thousand operations one took longer.
    public var p999: Double
    /// How many operations were timed.
    public var sampleCount: Int

    /// The percentiles of samples in nanoseconds; nil when there are none.
    public init?(_ samples: some Sequence<UInt64>) {
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        for sample in samples { _ = histogram.record(max(1, sample)) }
        guard histogram.totalCount > 0 else { return nil }
        p50 = Double(histogram.valueAtPercentile(50))
        p99 = Double(histogram.valueAtPercentile(99))
        p999 = Double(histogram.valueAtPercentile(99.9))
        sampleCount = Int(histogram.totalCount)
    }
}
