import StorageIO
import Synchronization

/// Which transaction is open, and whether a call on it is under way.
///
/// A call on a transaction asks it before it touches anything. A table of a transaction may outlive it, and code
/// in an older language mode may use one transaction on two threads.
struct TransactionUse: ~Copyable {
    /// Twice the open transaction's number, plus one while a call is under way; 0 when none is open.
    private let state = Atomic<UInt64>(0)

    /// Notes that a transaction is open.
    func open(_ number: UInt64) { state.store(number << 1, ordering: .releasing) }

    /// Begins a call. Returns whether the transaction is open and no other call on it is under way.
    func enter(_ number: UInt64) -> Bool {
        state.compareExchange(
            expected: number << 1, desired: number << 1 | 1, ordering: .acquiring
        ).exchanged
    }

    /// Ends a call.
    func leave(_ number: UInt64) { state.store(number << 1, ordering: .releasing) }

    /// Ends the transaction, after the call that is under way on another thread.
    func close(_ number: UInt64) {
        var spins = 0
        while !enter(number) { System.pause(&spins) }
        state.store(0, ordering: .releasing)
    }

    /// Returns why a call could not begin.
    func refusal(_ number: UInt64, path: String) -> StorageError {
        guard state.load(ordering: .relaxed) >> 1 == number else {
            return StorageError(
                .closed, "The transaction that the table belongs to has ended.", path: path)
        }
        return StorageError(
            .busy,
            "Another call on the transaction is under way; use it from one thread at a time.",
            path: path)
    }
}
