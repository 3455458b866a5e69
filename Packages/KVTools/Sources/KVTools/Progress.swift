import KVDB
import StorageIO

/// Tells on standard error how far a long command is, when a person is looking.
final class Progress {
    private let output: any ByteOutput
    private let isShown: Bool
    private var action: String
    private var nextNanoseconds: UInt64
    private var hasShown = false

    private static let intervalNanoseconds: UInt64 = 200_000_000

    /// - Parameter action: what is going on: `Exporting`.
    init(_ action: String, in session: Session) {
        output = session.error
        isShown = session.error.clearsLines && !session.isJSON
        self.action = action
        nextNanoseconds = isShown ? System.now + Self.intervalNanoseconds : 0
    }

    /// Says how far it is, if it hasn't for a while.
    func step(_ entries: UInt64, of total: UInt64? = nil) {
        guard entries & 0xff == 0, isShown, System.now >= nextNanoseconds else { return }
        show(at: entries, of: total)
    }

    /// Says how far a call of the database is, if it hasn't for a while.
    ///
    /// - Parameter action: what is going on from now on; nil for the same as before.
    func step(_ progress: Database.Progress, _ action: String? = nil) {
        if let action { self.action = action }
        guard isShown, System.now >= nextNanoseconds else { return }
        show(at: UInt64(progress.done), of: progress.total.map { UInt64($0) })
    }

    /// Says how far it is.
    func show(at entries: UInt64, of total: UInt64? = nil) {
        guard isShown else { return }
        nextNanoseconds = System.now + Self.intervalNanoseconds
        var text = "\(action): \(entries)"
        if let total, total > 0 { text += " of \(total), \(entries * 100 / total) %" }
        // Back to the line's start, and clear what the last one left.
        show("\r\(text)\u{1B}[K")
        hasShown = true
    }

    /// Takes the line away.
    func finish() {
        if hasShown { show("\r\u{1B}[K") }
        hasShown = false
    }

    private func show(_ text: String) {
        // Progress that can't be shown is no reason to stop the work.
        try? output.write(text)
    }
}
