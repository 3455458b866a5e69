@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// R7: reads of the data file that give other bytes than were written, without an error: a bit
/// flipped, another block, zeros; this once, or until the place is written again.
///
/// One case is one script of the crash family, stopped by a kill at a drawn moment, and one kind of
/// wrong read; its steps are the reads of the data file in a session that opens the database, reads
/// everything, commits, verifies and closes. What must hold:
///
/// - Whatever is read is what was committed, or the call throws that the file is damaged.
/// - A commit that throws has changed nothing, unless it poisoned.
/// - After a wrong read that came once, the next open finds all that was acknowledged, and sound.
///
/// Not covered: wrong reads of the log, since those of its last batch can't be told from what a power
/// cut leaves; of superblocks, since a checkpoint cut short leaves the same, and of a transaction that
/// committed by it nothing else is known (`bitflip` and `hostile` damage both); and stale blocks,
/// whose checksums are right: births tell some of them (`LossTests`), not all.
struct MisreadFamily: Family {
    static let name = "misread"
    static let unit = "reads"
    static let gate = Goal.units(20_000)
    static let subset = Goal.units(2000)

    private static let kinds: [ReadCorruption] = [.flippedBit, .misdirected, .zeros]

    func run(_ number: UInt64, _ account: inout Account) throws {
        let isForever = number % 2 == 1
        let kind = Self.kinds[Int(number / 2 % 3)]
        let workload = CrashWorkload.numbered(number / 6)
        let base = try Self.killed(workload, seed: number)
        let session = MisreadSession(workload.options)
        // Without a wrong read: what is there, and which reads there are.
        let state = try session.content(of: base.survivors(.all), workload)
        let reads = Reads()
        let clean = base.survivors(.all)
        clean.beforeOperation = { reads.note($0) }
        try session.run(on: clean, state, isMisread: { false })
        clean.beforeOperation = nil
        for read in reads.ofData {
            guard account.enter(read) else { continue }
            account.units += 1
            account.note("\(kind)\(isForever ? " for good" : "")")
            let files = base.survivors(.all)
            files.corruptRead(read, kind, forever: isForever)
            do {
                let end = try session.run(
                    on: files, state, isMisread: { files.corruptedReadCount > 0 })
                if isForever {
                    if end.errors == 0 { account.note("unnoticed, for nobody needed it") }
                } else {
                    try session.checkAfterwards(files, end)
                }
            } catch {
                throw Failure("\(kind), \(isForever ? "for good" : "once"), read \(read): \(error)")
            }
        }
    }

    /// A script's files after a kill at a drawn operation; sometimes after its end.
    private static func killed(
        _ workload: CrashWorkload, seed: UInt64
    ) throws -> CrashingFileSystem {
        let whole = CrashingFileSystem()
        try workload.run(on: whole) { _ in }
        var random = SeededRandom(seed: seed)
        if random.oneIn(3) { return whole }
        let files = CrashingFileSystem()
        files.crash(at: random.number(in: whole.operationCount / 3...whole.operationCount))
        do { try workload.run(on: files) { _ in } } catch {}
        return files.survivors(.all)
    }

    /// Which of the reads are of the data file.
    private final class Reads: @unchecked Sendable {
        // Sendable: only used by the one thread that works on the files.
        private var count = 0
        private(set) var ofData: [Int] = []
        /// Behind the superblocks.
        private let start: UInt64 = 8192

        func note(_ operation: FileOperation) {
            guard operation.kind == .read else { return }
            count += 1
            if operation.path == SimulatedDatabase.testPath, operation.offset >= start {
                ofData.append(count)
            }
        }
    }
}
