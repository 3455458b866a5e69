import PageStore
import StorageIO
import WAL

extension VerificationReport {
    /// How far below its end a log position is called forged.
    static var logReserve: UInt64 { 1 << 40 }

    /// Adds a finding when transactions, checkpoints or log positions have nearly no numbers left. No
    /// database gets there by itself; of a forged one, what is read is sound, but it can't be written.
    /// So `isSound` includes that a million transactions and checkpoints can follow.
    mutating func addNumbers(
        transaction: TransactionNumber, generation: UInt64, logPosition: LogSequenceNumber,
        slot: PageNumber, path: String
    ) {
        let count = Superblock.countLimit - Superblock.countReserve
        let position = LogLayout.maximumPosition - Self.logReserve
        var found: [String] = []
        if transaction >= count { found.append("transaction \(transaction)") }
        if generation >= count { found.append("generation \(generation)") }
        if logPosition >= position { found.append("log position \(logPosition)") }
        guard !found.isEmpty else { return }
        var text = found[0]
        for more in found.dropFirst() { text += ", \(more)" }
        add(
            Finding(
                .superblock,
                StorageError(
                    .damaged,
                    "Its numbers are nearly used up, as no use of a database does it; soon nothing "
                        + "can be written.",
                    path: path, page: slot, offset: UInt64(slot) << UInt64(PageLayout.pageShift)),
                expected: "transactions and generations below \(count), log positions below "
                    + "\(position)", found: text))
    }
}
