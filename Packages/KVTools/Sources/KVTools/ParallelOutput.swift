import StorageIO

/// Hands what one thread makes to another, which takes it on: an export is read from the database while
/// what was read before is packed and written.
///
/// Order is kept, and no more than some pieces wait. An error of the other thread is thrown by the next
/// call.
final class ParallelOutput: @unchecked Sendable {
    // Sendable: `lock` guards `waiting`, `spare`, `isEnded` and `failure`; `piece` and `thread` belong to
    // the thread that writes, and `take` to the other one until it has ended.
    private static let pieceByteCount = 256 << 10
    private static let pieceLimit = 4

    private let lock = Lock()
    private let changed = Condition()
    private var waiting: [[UInt8]] = []
    private var spare: [[UInt8]] = []
    private var isEnded = false
    private var failure: StorageError?
    private var piece: [UInt8] = []
    private var thread: SystemThread?
    private let take: (ByteView) throws(StorageError) -> Void

    /// Starts the other thread.
    ///
    /// - Parameter take: called there with all bytes in order, in pieces. What it uses belongs to that
    ///   thread until ``finish()`` or ``cancel()`` has returned.
    /// - Throws: `outOfMemory` when the system gives no thread.
    init(_ take: @escaping (ByteView) throws(StorageError) -> Void) throws(StorageError) {
        self.take = take
        thread = try SystemThread { [self] in run() }
    }

    /// Takes the bytes over; waits when too much is on its way.
    func write(_ bytes: ByteView) throws(StorageError) {
        unsafe piece.append(contentsOf: bytes.buffer)
        if piece.count >= Self.pieceByteCount { try hand() }
    }

    /// Waits until all is taken.
    func finish() throws(StorageError) {
        try hand()
        end(dropping: false)
        if let failure { throw failure }
    }

    /// Ends the other thread, whatever is left. Does nothing after ``finish()``.
    func cancel() { end(dropping: true) }

    private func hand() throws(StorageError) {
        lock.acquire()
        defer { lock.release() }
        while waiting.count >= Self.pieceLimit, failure == nil { changed.wait(lock) }
        if let failure { throw failure }
        waiting.append(piece)
        piece = spare.popLast() ?? []
        changed.broadcast()
    }

    private func end(dropping: Bool) {
        guard let thread else { return }
        lock.withLock {
            if dropping { waiting.removeAll() }
            isEnded = true
            changed.broadcast()
        }
        thread.join()
        self.thread = nil
    }

    /// What the other thread does.
    private func run() {
        lock.acquire()
        defer { lock.release() }
        while true {
            while waiting.isEmpty, !isEnded { changed.wait(lock) }
            guard !waiting.isEmpty else { return }
            var bytes = waiting.removeFirst()
            changed.broadcast()
            lock.release()
            var problem: StorageError?
            do throws(StorageError) {
                try withByteView(of: bytes) { view throws(StorageError) in try take(view) }
            } catch {
                problem = error
            }
            bytes.removeAll(keepingCapacity: true)
            lock.acquire()
            spare.append(bytes)
            if let problem {
                failure = problem
                waiting.removeAll()
                changed.broadcast()
                return
            }
        }
    }
}
