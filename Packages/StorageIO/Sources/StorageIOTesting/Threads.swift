import StorageIO

/// The first error of several threads.
public final class FirstError: @unchecked Sendable {
    // Sendable: `lock` guards `error`.
    private let lock = Lock()
    private var error: (any Error)?

    /// No error yet.
    public init() {}

    /// Keeps the error, unless there is one.
    public func take(_ new: any Error) { lock.withLock { if error == nil { error = new } } }

    /// Whether there is one.
    public var isSet: Bool { lock.withLock { error != nil } }

    /// Throws the error, if there is one.
    public func rethrow() throws {
        if let error = lock.withLock({ error }) { throw error }
    }
}

/// What several threads bring together. Its lock is one that the thread sanitizer knows.
public final class Gathering<Element>: @unchecked Sendable {
    // Sendable: `lock` guards `gathered`.
    private let lock = Lock()
    private var gathered: [Element] = []

    /// Nothing yet.
    public init() {}

    /// Adds what one thread has.
    public func add(_ new: [Element]) { lock.withLock { gathered += new } }

    /// All that was added, in the order of the adding.
    public var elements: [Element] { lock.withLock { gathered } }
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
