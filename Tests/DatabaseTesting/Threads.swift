import StorageIO

/// The first error of several threads.
public final class FirstError: @unchecked Sendable {
    // Sendable: `lock` guards `error`.
    private let lock = Lock()
    private var error: (any Error)?

    public init() {}

    public func take(_ new: any Error) { lock.withLock { if error == nil { error = new } } }

    public var isSet: Bool { lock.withLock { error != nil } }

    public func rethrow() throws {
        if let error = lock.withLock({ error }) { throw error }
    }
}

/// Runs `body` on that many threads at once, waits for all, and throws the first error of one.
public func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let first = FirstError()
    var threads: [SystemThread] = []
    for number in 0..<count {
        threads.append(
            try SystemThread {
                do { try body(number) } catch { first.take(error) }
            })
    }
    for thread in threads { thread.join() }
    try first.rethrow()
}
