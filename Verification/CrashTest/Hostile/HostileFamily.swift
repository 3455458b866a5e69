import Foundation
import StorageIO
import StorageIOTesting

/// R7, and "no input, file or fault may trap the process": data files and logs that are damaged or
/// forged, verified and salvaged as files, then opened, verified, read, written, compacted, closed and
/// opened again.
///
/// One file is a sound database of ``HostilePool`` with one to four lies in it (``HostileFile``):
/// bits, fields by the offsets of the format pages, keys, children, lengths, free lists, log
/// operations; pages and segments moved, repeated, lost, or taken from an older state or another
/// database; files cut or longer. For half of the files all checksums are computed anew. What must
/// hold is said at ``HostileVisit``; besides, a file may cost a second and 64 MiB at most. One file
/// in 32 is on the real file system, the others are in memory.
///
/// Not covered: files larger than some megabytes (what they cost is linear in their size), files
/// that change while they are open, and allocations that are never touched.
struct HostileFamily: Family {
    static let name = "hostile"
    static let unit = "files"
    static let gate = Goal.units(200_000)
    static let subset = Goal.units(25_000)
    static let filesPerCase = 250
    #if DEBUG
        static let secondsLimit = 20.0
    #else
        static let secondsLimit = 1.0
    #endif
    static let memoryLimit = 64 << 20

    func run(_ number: UInt64, _ account: inout Account) throws {
        let pool = try HostilePool.shared.get()
        let memory = PeakMemory()
        if memory == nil { account.note("skipped: memory is not measured on this system") }
        var directory: TemporaryDirectory?
        for step in 0..<Self.filesPerCase {
            guard account.enter(step) else { continue }
            FailingStep.enter(Self.name, number, step)
            let seed = number &* 0x1_0001 &+ UInt64(step)
            var random = SeededRandom(seed: seed)
            let file = HostileFile(pool.image(&random), pool, seed: seed)
            account.units += 1
            account.note(file.kind == .forged ? "forged" : "damaged")
            let isReal = random.oneIn(32)
            if isReal, directory == nil { directory = try TemporaryDirectory() }
            // To look at a file by other means: `KEEP=directory crashtest run hostile --case …`.
            if let keep = ProcessInfo.processInfo.environment["KEEP"] {
                try lay(file, on: POSIXFileSystem(), keep + "/a.db")
            }
            do {
                try visit(file, seed, isReal ? directory : nil, memory, &account)
            } catch {
                let story = file.story.joined(separator: "; ")
                throw Failure("\(file.image.name), \(file.kind): \(story): \(error)")
            }
        }
    }

    private func visit(
        _ file: HostileFile, _ seed: UInt64, _ directory: TemporaryDirectory?,
        _ memory: PeakMemory?, _ account: inout Account
    ) throws {
        // Of the processor's time, since other processes may have had the rest; and twice, since the
        // first may have waited for memory. What waits for ever is seen by who runs the workers.
        var isSecond = false
        while true {
            let start = clock()
            memory?.begin()
            if let directory {
                account.note("on the real file system")
                let path = directory.file("a.db")
                let files = POSIXFileSystem()
                try lay(file, on: files, path)
                try look(HostileVisit(files, path: path, file: file, seed: seed), &account)
            } else {
                let files = InMemoryFileSystem()
                try lay(file, on: files, "a.db")
                try look(HostileVisit(files, path: "a.db", file: file, seed: seed), &account)
            }
            if let byteCount = memory?.byteCount, byteCount > Self.memoryLimit {
                throw Failure("it took \(byteCount >> 20) MiB of memory")
            }
            // POSIX has a million of them in a second.
            let seconds = Double(clock() - start) / 1_000_000
            if seconds <= Self.secondsLimit { return }
            if isSecond { throw Failure("it took \(seconds) seconds of the processor") }
            isSecond = true
        }
    }

    private func look<Files: FileSystem>(
        _ visit: HostileVisit<Files>, _ account: inout Account
    ) throws {
        var visit = visit
        try visit.run()
        account.note("opens", visit.opens)
        account.note("refused opens", visit.refusals)
        account.note("verified sound", visit.soundOnes)
        account.note("salvaged", visit.salvages)
    }

    private func lay<Files: FileSystem>(
        _ hostile: HostileFile, on files: Files, _ path: String
    ) throws {
        for (name, bytes) in [(path, hostile.data), (path + "-wal", hostile.log)] {
            if try files.exists(name) { try files.remove(name) }
            guard let bytes else { continue }
            let file = try files.open(name, .create)
            defer { file.close() }
            try file.writeBytes(bytes)
        }
    }
}
