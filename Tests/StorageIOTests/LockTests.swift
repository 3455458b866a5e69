import StorageIO
import Synchronization
import Testing

@Suite struct LockTests {
    /// Counts under a lock; a class, so that threads share it.
    private final class Counter: @unchecked Sendable {
        // Sendable: `value` and `turn` are only touched under `lock`.
        let lock = Lock()
        let condition = Condition()
        var value = 0
        var turn = 0
    }

    @Test func oneThreadAtATime() throws {
        let counter = Counter()
        let threads = try (0..<4).map { _ in
            try SystemThread {
                for _ in 0..<10_000 { counter.lock.withLock { counter.value += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.value == 40_000)
    }

    @Test func tryingDoesNotWait() throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let refused = Atomic<Bool>(false)
        try SystemThread { refused.store(!lock.tryAcquire(), ordering: .relaxed) }.join()
        let isRefused = refused.load(ordering: .relaxed)
        #expect(isRefused)
        lock.release()
        #expect(lock.tryAcquire())
        lock.release()
    }

    @Test func theLockIsGivenBackOnAnError() {
        let lock = Lock()
        let error = StorageError(.busy, "x")
        #expect(errorCode { try lock.withLock { () throws(StorageError) in throw error } } == .busy)
        #expect(lock.tryAcquire())
    }

    @Test func threadsTakeTurnsByCondition() throws {
        let counter = Counter()
        let threads = try (0..<3).map { own in
            try SystemThread {
                for _ in 0..<200 {
                    counter.lock.acquire()
                    while counter.turn != own { counter.condition.wait(counter.lock) }
                    counter.value += 1
                    counter.turn = (own + 1) % 3
                    counter.condition.broadcast()
                    counter.lock.release()
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.value == 600 && counter.turn == 0)
    }

    @Test func aTimedWaitEnds() throws {
        let counter = Counter()
        counter.lock.acquire()
        // Nobody signals; a wake-up for no reason is allowed, so it may take several.
        while counter.condition.wait(counter.lock, nanoseconds: 1_000_000) {}
        counter.lock.release()
        let waker = try SystemThread {
            counter.lock.withLock {
                counter.value = 1
                counter.condition.signal()
            }
        }
        counter.lock.acquire()
        while counter.value == 0 {
            _ = counter.condition.wait(counter.lock, nanoseconds: 60_000_000_000)
        }
        counter.lock.release()
        waker.join()
    }

    @Test func threadsThatLiveTogetherHaveTheirOwnHints() throws {
        let barrier = Counter()
        nonisolated(unsafe) var hints: Set<UInt64> = [System.threadHint]
        let threads = try (0..<4).map { _ in
            try SystemThread {
                barrier.lock.acquire()
                unsafe hints.insert(System.threadHint)
                barrier.value += 1
                barrier.condition.broadcast()
                while barrier.value < 4 { barrier.condition.wait(barrier.lock) }
                barrier.lock.release()
            }
        }
        for thread in threads { thread.join() }
        #expect(unsafe hints.count == 5)
    }

    @Test func theSystemAnswers() {
        let before = System.now
        System.yield()
        #expect(System.now >= before)
        #expect(System.processNumber > 0)
        #expect(System.randomNumber() != System.randomNumber())
    }
}
