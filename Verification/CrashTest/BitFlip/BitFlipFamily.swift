@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// R7: one bit is flipped in every byte of a database of 256 pages, of its log and of an export. It is
/// found, or the byte is one that the format pages call unused; nothing in between.
///
/// What is run for each byte:
/// - **Pages that trees and the free list use:** the page (or its overflow run) is read past the cache
///   and checked, by the very call that `verify` makes for every page in use. It must be refused. The
///   bytes behind an overflow value must not be.
/// - **Superblocks:** the page store is opened. It must refuse, or say that a slot is damaged.
/// - **Free pages:** they are filled with noise as a whole; opened, verified and read, the database
///   must be as before. Then each byte by itself counts as shown.
/// - **The log:** the database is opened and read. It must refuse; or, where the byte is unused, hold
///   the newest version; or, where it belongs to the last batch, whose loss can't be told from a torn
///   tail (Docs/LogFormat.md), hold an earlier version that includes everything proven durable.
/// - **The export:** it is read to its end, which must fail.
///
/// For a sample, eight bytes of each page, the whole database is opened, verified and read as well.
/// A case is 4096 bytes; those beyond the first round flip the other bits of each byte.
struct BitFlipFamily: Family {
    static let name = "bitflip"
    static let unit = "bytes"
    static var gate: Goal { .cases((try? BitFlipImage.shared.get().caseCount) ?? 1) }
    static var subset: Goal { gate }
    static let sampledBytes = 8

    func run(_ number: UInt64, _ account: inout Account) throws {
        let image = try BitFlipImage.shared.get()
        let chunk = Int(number % UInt64(image.caseCount))
        var flip = BitFlip(image: image, round: Int(number / UInt64(image.caseCount)), seed: number)
        if chunk < image.dataChunks {
            try flip.page(chunk, &account)
        } else if chunk < image.dataChunks + image.logChunks {
            try flip.log((chunk - image.dataChunks) * BitFlipImage.chunk, &account)
        } else {
            try flip.export(
                (chunk - image.dataChunks - image.logChunks) * BitFlipImage.chunk, &account)
        }
    }
}

/// The flips of one case.
private struct BitFlip {
    let image: BitFlipImage
    let round: Int
    var random: SeededRandom

    init(image: BitFlipImage, round: Int, seed: UInt64) {
        self.image = image
        self.round = round
        random = SeededRandom(seed: seed)
    }

    /// Another bit in each byte, so that all eight take part; each round the next.
    private func mask(_ offset: Int) -> UInt8 { 1 << UInt8((offset + offset / 8 + round) & 7) }

    // MARK: The data file

    mutating func page(_ page: Int, _ account: inout Account) throws {
        let files = try BitFlipImage.lay(image.image)
        let file = try files.open("a.db", .readWrite)
        let store = try BitFlipImage.openStore(files)
        defer { store.close() }
        let start = page * PageFormat.size
        if image.isFree[page] { try fillWithNoise(page) }
        let sample = (0..<BitFlipFamily.sampledBytes).map { _ in random.below(PageFormat.size) }
        for byte in 0..<PageFormat.size {
            guard account.enter(byte) else { continue }
            account.units += 1
            let offset = start + byte
            let old = image.image.data[offset]
            try file.writeBytes([old ^ mask(offset)], at: UInt64(offset))
            let isFound = page < 2 ? isSlotRefused(files) : isPageRefused(page, store)
            if isFound == image.isUnused(dataByte: offset) {
                throw Failure(
                    "byte \(byte) of page \(page) is "
                        + (isFound ? "refused, although unused" : "changed without a trace"))
            }
            account.note(isFound ? "bytes of pages detected" : "bytes of pages unused")
            if account.only != nil || sample.contains(byte) {
                try lookAtAll(offset, isFound, &account)
            }
            try file.writeBytes([old], at: UInt64(offset))
        }
    }

    private func isPageRefused(_ page: Int, _ store: FilePageStore<InMemoryFile>) -> Bool {
        if image.isFree[page] { return false }
        do throws(StorageError) {
            try store.checkStored(PageNumber(image.image.runHead[page]))
            return false
        } catch {
            return true
        }
    }

    private func isSlotRefused(_ files: InMemoryFileSystem) -> Bool {
        guard let store = try? BitFlipImage.openStore(files) else { return true }
        defer { store.close() }
        return store.otherSlotDamaged
    }

    /// All bytes of a free page at once.
    private mutating func fillWithNoise(_ page: Int) throws {
        var copy = image.image
        copy.data.put(random.bytes(PageFormat.size), at: page * PageFormat.size)
        let outcome = try open(try BitFlipImage.lay(copy), verifying: true)
        guard outcome == .newest else {
            throw Failure("noise in the free page \(page) is no matter of course: \(outcome)")
        }
    }

    private func lookAtAll(_ offset: Int, _ isFound: Bool, _ account: inout Account) throws {
        var copy = image.image
        copy.data[offset] ^= mask(offset)
        let outcome = try open(try BitFlipImage.lay(copy), verifying: true)
        account.note("whole databases verified")
        // A damaged superblock may be made good by the other one and the log.
        let isRight =
            isFound && offset >= 2 * PageFormat.size
            ? outcome == .refused
            : outcome == .newest || (isFound && outcome == .refused)
        guard isRight else {
            throw Failure("byte \(offset) of the data file, looked at in whole: \(outcome)")
        }
    }

    // MARK: Opening

    private enum Outcome: Equatable {
        case refused
        case newest
        case earlier(UInt64)
    }

    /// Opens and reads everything, and says what version it is; what is read must be right.
    private func open(_ files: InMemoryFileSystem, verifying: Bool) throws -> Outcome {
        var options = image.image.options
        options.access = .readOnly
        let database: HostileDatabase
        do throws(StorageError) {
            database = try HostileDatabase.open("a.db", files: files, options: options)
        } catch {
            return .refused
        }
        if verifying, try !database.verify().isSound { return .refused }
        let snapshot = try database.snapshot()
        guard let state = try? HostileState(snapshot) else { return .refused }
        guard state == image.image.states[snapshot.transaction] else {
            throw Failure("wrong content at transaction \(snapshot.transaction)")
        }
        return snapshot.transaction == image.image.transaction
            ? .newest : .earlier(snapshot.transaction)
    }

    // MARK: The log and the export

    mutating func log(_ start: Int, _ account: inout Account) throws {
        guard let log = image.image.log else { return }
        let files = try BitFlipImage.lay(image.image)
        let file = try files.open("a.db-wal", .readWrite)
        for byte in 0..<BitFlipImage.chunk {
            guard account.enter(byte) else { continue }
            account.units += 1
            let offset = start + byte
            try file.writeBytes([log[offset] ^ mask(offset)], at: UInt64(offset))
            let outcome = try open(files, verifying: byte % 512 == 0)
            try file.writeBytes([log[offset]], at: UInt64(offset))
            switch outcome {
            case .refused: account.note("bytes of the log detected")
            case .newest where image.isUnused(logByte: offset):
                account.note("bytes of the log unused")
            case .earlier where image.isUnproven(logByte: offset):
                account.note("bytes of the log's last batch, dropped like a torn tail")
            default:
                throw Failure("byte \(offset) of the log: \(outcome)")
            }
        }
    }

    mutating func export(_ start: Int, _ account: inout Account) throws {
        for byte in 0..<min(BitFlipImage.chunk, image.export.count - start) {
            guard account.enter(byte) else { continue }
            account.units += 1
            var bytes = image.export
            bytes[start + byte] ^= mask(start + byte)
            let reader = ExportReader(bytes: bytes)
            do throws(StorageError) {
                while true { if case .end = try reader.next() { break } }
            } catch {
                account.note("bytes of the export detected")
                continue
            }
            throw Failure("byte \(start + byte) of the export is changed without a trace")
        }
    }
}
