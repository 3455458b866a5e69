/// A superblock, read by the words of `Docs/FileFormat.md`.
struct DecodedSuperblock: Equatable {
    var slot: Int
    var usesLog: Bool
    var endsLog: Bool
    var identity: [UInt8]
    var generation: UInt64
    var transaction: UInt64
    var logPosition: Int
    var catalogRoot: Int
    var catalogHeight: Int
    var pageCount: Int
    var freeList: Int
    var freePages: Int
    var freeListPages: Int

    /// Nil unless the slot holds a valid superblock.
    init?(slot: Int, in file: [UInt8]) {
        guard let page = WatchedFile.page(slot, of: file),
            page.checksum(4..<4096) == UInt32(page.number(0, 4)),
            page.integer(4, 4) == slot, page.integer(16, 1) == 5,
            page.part(32, 8).bytes.elementsEqual("KVDBSWFT".utf8), page.integer(40, 4) == 1
        else { return nil }
        self.slot = slot
        usesLog = page.integer(52, 4) & 1 != 0
        endsLog = page.integer(52, 4) & 2 != 0
        identity = Array(page.part(56, 16).bytes)
        generation = page.number(72, 8)
        transaction = page.number(80, 8)
        logPosition = page.integer(88, 8)
        catalogRoot = page.integer(104, 4)
        catalogHeight = page.integer(108, 1)
        pageCount = page.integer(112, 4)
        freeList = page.integer(116, 4)
        freePages = page.integer(120, 4)
        freeListPages = page.integer(124, 4)
    }

    /// The one that opening chooses.
    static func best(in file: [UInt8]) -> DecodedSuperblock? {
        (0..<2).compactMap { DecodedSuperblock(slot: $0, in: file) }
            .max { $0.generation < $1.generation }
    }

    /// Whether the next open needs the log from the position on.
    var needsLog: Bool { usesLog && !endsLog }

    /// For messages.
    var name: String { "superblock \(generation) (transaction \(transaction))" }
}
