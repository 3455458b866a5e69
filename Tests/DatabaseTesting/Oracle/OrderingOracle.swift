@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Watches the order in which a database on a ``CrashingFileSystem`` writes and syncs, and holds it
/// to R1, R2 and R3. It knows the files by their formats alone, not by the engine's readers of them.
///
/// A *possible* superblock is one that a power cut may leave as the newest: the durable one, and one
/// that was written to the other slot since.
///
/// - O1 (R1) No page that a possible superblock reaches is written to: tree nodes, overflow runs, the
///   free list. Nor is the slot of the durable superblock, unless with the same bytes; nor is the
///   file cut below a possible superblock's page count.
/// - O2 (R2) When a superblock is written, all pages that it reaches are sound and durable, the pages
///   in use and the free ones make up the whole file, the file is durably long enough, and the log's
///   name and the log through the superblock's position are durable. A database gets its name when
///   all of it is durable.
/// - O3 (R2) No part of the log that a possible superblock needs is overwritten, cut off or removed.
/// - O4 (R3) When a commit at `full` has returned, every possible superblock is of its transaction or
///   a later one, or the durable log leads from it to there without a gap. The same for `written`,
///   with what is written in place of what is durable.
///
/// **Not covered:** pages that only live snapshots see (R6's tests do), what readers may see when,
/// and handles that write to files of other names.
public final class OrderingOracle: @unchecked Sendable {
    // Sendable: everything that changes is only touched under `lock`.

    /// A superblock that may be the newest after a power cut, and what it reaches.
    private struct Candidate {
        var superblock: DecodedSuperblock
        var pages: Set<Int>
    }

    private let lock = Lock()
    private let dataPath: String
    private let logPath: String
    private var names: [String: WatchedFile] = [:]
    private var durableNames: [String: WatchedFile] = [:]
    private var durable: Candidate?
    private var pending: [Candidate] = []
    private var findings: [String] = []
    private var superblockCount = 0
    private var commitCount = 0

    /// - Parameters:
    ///   - image: what is there under a name at the start; nil for nothing.
    public init(path: String, image: (String) -> FileImage? = { _ in nil }) {
        dataPath = path
        logPath = path + "-wal"
        for name in [dataPath, logPath] {
            if let image = image(name) { names[name] = WatchedFile(image) }
        }
        durableNames = names
        adoptDurable()
        // What is only written at the start may be the newest just as well.
        guard let file = names[dataPath], let best = DecodedSuperblock.best(in: file.written),
            best != durable?.superblock
        else { return }
        pending = [
            Candidate(superblock: best, pages: ReachedPages(best, in: file.written).pages)
        ]
    }

    /// Watches the database at `path` of `files` from now on.
    public convenience init(watching files: CrashingFileSystem, path: String = "test.db") {
        self.init(path: path) { files.image(of: $0) }
        files.afterOperation = { [self] in observe($0) }
    }

    /// What was found, in order, at most ten.
    public var violations: [String] { lock.withLock { findings } }

    /// How many superblocks and commits were looked at: a watcher that sees none proves nothing.
    public var counts: (superblocks: Int, commits: Int) {
        lock.withLock { (superblockCount, commitCount) }
    }

    /// Throws when there was a violation.
    public func check() throws {
        let found = violations
        if !found.isEmpty { throw Mismatch(found.joined(separator: "; ")) }
    }

    // MARK: What happens

    /// Told of every call, in the order in which they take effect.
    public func observe(_ done: CompletedOperation) {
        lock.withLock { take(done) }
    }

    private func take(_ done: CompletedOperation) {
        let operation = done.operation
        let path = operation.path
        switch operation.kind {
        case .open:
            if done.error == nil, names[path] == nil { names[path] = WatchedFile() }
        case .write: takeWrite(done)
        case .sync: takeSync(done)
        case .truncate where done.error == nil:
            let size = Int(operation.offset)
            checkCut(path, to: size, operation)
            names[path]?.resize(to: size)
        case .preallocate where done.error == nil:
            guard let file = names[path] else { return }
            file.resize(to: max(file.written.count, Int(operation.offset) + operation.byteCount))
        case .remove where done.error == nil:
            checkRemoval(path, operation)
            names[path] = nil
        case .rename where done.error == nil:
            guard let newPath = done.newPath else { return }
            checkRemoval(path, operation)
            names[newPath] = names.removeValue(forKey: path)
            if newPath == dataPath { adoptNewDatabase(operation) }
        case .syncDirectory where done.error == nil: durableNames = names
        default: break
        }
    }

    private func takeWrite(_ done: CompletedOperation) {
        let operation = done.operation
        guard let file = names[operation.path], !done.bytes.isEmpty else { return }
        let offset = Int(operation.offset)
        let range = offset..<offset + done.bytes.count
        if operation.path == dataPath {
            checkPages(range, done.bytes, file, operation)
            file.write(done.bytes, at: offset)
            for slot in 0..<2 where range.overlaps(slot * 4096..<(slot + 1) * 4096) {
                takeSuperblock(slot, file, operation)
            }
        } else if operation.path == logPath {
            checkLogRange(range, done.bytes, file, operation)
            file.write(done.bytes, at: offset)
        } else {
            file.write(done.bytes, at: offset)
        }
    }

    private func takeSync(_ done: CompletedOperation) {
        guard let file = names[done.operation.path] else { return }
        if done.error == nil {
            file.sync()
        } else if let image = done.image {
            names[done.operation.path] = WatchedFile(image)
            for (path, other) in durableNames where other === file {
                durableNames[path] = names[done.operation.path]
            }
        }
        if done.operation.path == dataPath { adoptDurable() }
    }

    /// A superblock was written, whole or torn.
    private func takeSuperblock(_ slot: Int, _ file: WatchedFile, _ operation: FileOperation) {
        guard let next = DecodedSuperblock(slot: slot, in: file.written),
            next != durable?.superblock
        else { return }
        superblockCount += 1
        let reached = ReachedPages(next, in: file.written)
        if let problem = reached.problem { report("R2", operation, "\(next.name): \(problem)") }
        if let page = reached.pages.first(where: { !file.isDurable($0) }) {
            report("R2", operation, "\(next.name) refers to page \(page), which is not durable")
        }
        if file.durable.count < next.pageCount * WatchedFile.pageSize {
            report(
                "R2", operation,
                "\(next.name) has \(next.pageCount) pages, the file durably "
                    + "\(file.durable.count) bytes")
        }
        if next.needsLog {
            let log = durableNames[logPath]
            let replay = DecodedLog(log?.durable ?? [], identity: next.identity)
                .replay(from: next.logPosition)
            if !replay.isFound {
                report(
                    "R2", operation,
                    "\(next.name): the log is not durable through \(next.logPosition)")
            }
        }
        pending.append(Candidate(superblock: next, pages: reached.pages))
    }

    /// After a sync: the newest superblock that is durable is the one that counts.
    private func adoptDurable() {
        guard let file = names[dataPath],
            let best = DecodedSuperblock.best(in: file.durable)
        else { return }
        if best != durable?.superblock {
            durable =
                pending.first { $0.superblock == best }
                ?? Candidate(
                    superblock: best, pages: ReachedPages(best, in: file.durable).pages)
        }
        // What readers still see of a superblock that a failed sync lost is not on the medium.
        pending.removeAll {
            $0.superblock.generation <= best.generation
                || DecodedSuperblock(slot: $0.superblock.slot, in: file.written) != $0.superblock
        }
    }

    private func adoptNewDatabase(_ operation: FileOperation) {
        guard let file = names[dataPath] else { return }
        durable = nil
        pending = []
        adoptDurable()
        if durable == nil || !file.isAllDurable {
            report("R2", operation, "a database that is not durable gets its name")
        }
    }

    private var possible: [Candidate] { (durable.map { [$0] } ?? []) + pending }

    // MARK: R1

    private func checkPages(
        _ range: Range<Int>, _ bytes: [UInt8], _ file: WatchedFile, _ operation: FileOperation
    ) {
        let pageSize = WatchedFile.pageSize
        for page in range.lowerBound / pageSize...(range.upperBound - 1) / pageSize {
            if page < 2 {
                guard durable?.superblock.slot == page,
                    range.upperBound > file.durable.count
                        || !bytes.elementsEqual(file.durable[range])
                else { continue }
                report("R1", operation, "the slot of the durable superblock is overwritten")
            } else if let owner = possible.first(where: { $0.pages.contains(page) }) {
                report(
                    "R1", operation,
                    "page \(page) is overwritten, which \(owner.superblock.name) needs")
            }
        }
    }

    private func checkCut(_ path: String, to size: Int, _ operation: FileOperation) {
        guard let file = names[path], size < file.written.count else { return }
        if path == dataPath {
            for one in possible where size < one.superblock.pageCount * WatchedFile.pageSize {
                report("R1", operation, "\(one.superblock.name) needs more pages")
            }
        } else if path == logPath {
            for range in neededLog(file) where size < range.upperBound {
                return report("R2", operation, "cut off from the log what replay needs")
            }
        }
    }

    // MARK: R2, the log

    /// Where in the log lies what replay needs from any possible superblock.
    private func neededLog(_ file: WatchedFile) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for one in possible where one.superblock.needsLog {
            ranges +=
                DecodedLog(file.durable, identity: one.superblock.identity)
                .replay(from: one.superblock.logPosition).ranges
        }
        return ranges
    }

    private func checkLogRange(
        _ range: Range<Int>, _ bytes: [UInt8], _ file: WatchedFile, _ operation: FileOperation
    ) {
        for needed in neededLog(file) {
            let common = range.clamped(to: needed)
            if common.isEmpty { continue }
            let part = common.lowerBound - range.lowerBound..<common.upperBound - range.lowerBound
            if !bytes[part].elementsEqual(file.durable[common]) {
                return report(
                    "R2", operation,
                    "bytes \(common) of the log are overwritten, which replay needs")
            }
        }
    }

    private func checkRemoval(_ path: String, _ operation: FileOperation) {
        if path == dataPath { return report("R1", operation, "the database is removed") }
        guard path == logPath, let file = names[path] else { return }
        for one in possible {
            let last =
                DecodedLog(file.written, identity: one.superblock.identity)
                .replay(from: one.superblock.logPosition).transactions.last ?? 0
            if one.superblock.needsLog || last > one.superblock.transaction {
                report("R2", operation, "the log is removed, which \(one.superblock.name) needs")
            }
        }
    }

    // MARK: R3

    /// To be called right after a commit has returned.
    ///
    /// - Parameters:
    ///   - transaction: the commit's number, or any between it and the newest published one.
    ///   - durability: what it was promised.
    public func committed(transaction: UInt64, durability: Database.Durability) {
        if durability == .buffered { return }
        lock.withLock {
            commitCount += 1
            let isFull = durability == .full
            let place = "R3: after \(isFull ? "a full" : "a written") commit of \(transaction): "
            guard let file = isFull ? durableNames[dataPath] : names[dataPath] else {
                return report(place + "there is no database")
            }
            let log = isFull ? durableNames[logPath]?.durable : names[logPath]?.written
            var owners = possible.map(\.superblock)
            if !isFull, let best = DecodedSuperblock.best(in: file.written) { owners = [best] }
            if owners.isEmpty { return report(place + "no superblock is durable") }
            for one in owners where one.transaction < transaction {
                var reached = one.transaction
                let replay = DecodedLog(log ?? [], identity: one.identity)
                    .replay(from: one.logPosition)
                for number in replay.transactions where number == reached + 1 { reached = number }
                if reached < transaction {
                    report(place + "\(one.name) and the log lead to \(reached) only")
                }
            }
        }
    }

    private func report(_ rule: String, _ operation: FileOperation, _ message: String) {
        report("\(rule): operation \(operation): \(message)")
    }

    private func report(_ message: String) {
        if findings.count < 10 { findings.append(message) }
    }
}
