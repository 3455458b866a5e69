import ArgumentParser
import KVDB
import StorageIO

/// `kvtools bench`
struct BenchVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast the database is on this machine and disk.",
        discussion: """
            Works on a database of its own beside the path given, with a name that begins like it, and \
            removes it in the end. What the path itself names need not exist, and is not touched.

            Examples:
              kvtools bench my.db
              kvtools bench /mnt/disk/any --entries 1000000 --value-bytes 1000
            """)

    @Argument(help: "A path on the disk to measure, a database or not.") var database: String
    @Option(help: "How many entries to put, get and scan.") var entries = 200_000
    @Option(help: "Bytes of each value.") var valueBytes = 100
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard entries >= 1, entries <= 1_000_000_000 else {
            throw ValidationError("--entries must be from 1 to 1000000000.")
        }
        guard valueBytes >= 0, valueBytes <= 1 << 20 else {
            throw ValidationError("--value-bytes must be from 0 to 1048576.")
        }
    }

    func run(in session: Session) throws(StorageError) -> CommandStatus {
        let measured = try DatabaseAccess.withTemporary(beside: database) {
            path throws(StorageError) in
            let database = try Database(at: path)
            defer { try? database.close() }
            let bench = Bench(
                database: database, entries: entries, valueBytes: valueBytes, session: session)
            return try bench.run()
        }
        if session.isJSON {
            try session.print([
                ("entries", .integer(Int64(entries))), ("value_bytes", .integer(Int64(valueBytes))),
                ("measurements", .array(measured.map(\.object))),
            ])
            return .success
        }
        try session.output.write(
            "what".column(24) + "operations".column(12) + "per second".column(13)
                + "p50".column(14) + "p99\n")
        for each in measured { try session.output.write(each.line) }
        session.note(
            "\(counted(entries, "entry", "entries")) of 16 + \(valueBytes) bytes; a scan's times are those of 1,000."
        )
        return .success
    }
}

/// What one part of the bench took.
private struct Measurement {
    var name: String
    var operations: Int
    var nanoseconds: UInt64
    /// How long single operations, or the groups that were timed, took; ascending.
    var samples: [UInt64]

    private var rate: Double {
        Double(operations) * 1e9 / Double(max(1, nanoseconds))
    }

    /// The time that so many of 100 took at most.
    private func percentile(_ percent: Int) -> UInt64 {
        samples.isEmpty ? 0 : samples[min(samples.count - 1, samples.count * percent / 100)]
    }

    var object: JSONValue {
        .object([
            ("name", .string(name)), ("operations", .integer(Int64(operations))),
            ("per_second", .number(rate.rounded())),
            ("p50_nanoseconds", .unsigned(percentile(50))),
            ("p99_nanoseconds", .unsigned(percentile(99))),
        ])
    }

    /// A line of the table.
    var line: String {
        let name = name.replacing("_", with: " ")
        return name.column(24) + "\(operations)".column(12) + "\(UInt64(rate))".column(13)
            + Self.time(percentile(50)).column(14) + Self.time(percentile(99)) + "\n"
    }

    private static func time(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case 10_000_000...: "\(nanoseconds / 1_000_000) ms"
        case 10_000...: "\(nanoseconds / 1000) µs"
        default: "\(nanoseconds) ns"
        }
    }
}

/// The parts of the bench, on one database.
private struct Bench {
    let database: Database
    let entries: Int
    let valueBytes: Int
    let session: Session

    private static let batch = 1000
    private static let durablePuts = 2000

    func run() throws(StorageError) -> [Measurement] {
        [
            try puts("durable_puts", min(entries, Self.durablePuts), .full),
            try puts("written_puts", min(entries, 10 * Self.durablePuts), .written),
            try batches(), try gets(), try scan(),
        ]
    }

    /// Calls `body` with the key of an entry: eight bytes in which neighbours are far apart, then eight
    /// that make it unique.
    @inline(__always)
    private func withKey<Result>(
        _ number: Int, _ body: (ByteView) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        var word = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        word ^= word >> 32
        let bytes = (word.bigEndian, UInt64(number).bigEndian)
        return try unsafe withUnsafeBytes(of: bytes) { buffer throws(StorageError) in
            try body(unsafe ByteView(buffer))
        }
    }

    /// Runs a part; one operation of `every` is timed by itself, so that the clock costs little.
    private func measure(
        _ name: String, _ count: Int, every: Int = 1,
        _ body: (Int) throws(StorageError) -> Void
    ) throws(StorageError) -> Measurement {
        let progress = Progress(name.replacing("_", with: " "), in: session)
        defer { progress.finish() }
        var samples: [UInt64] = []
        samples.reserveCapacity(count / every + 1)
        let began = System.now
        for index in 0..<count {
            guard index % every == 0 else {
                try body(index)
                continue
            }
            let start = System.now
            try body(index)
            samples.append(System.now - start)
            progress.step(UInt64(index), of: UInt64(count))
        }
        let took = System.now - began
        samples.sort()
        return Measurement(name: name, operations: count, nanoseconds: took, samples: samples)
    }

    /// Every put a transaction of its own.
    private func puts(
        _ name: String, _ count: Int, _ durability: Database.Durability
    ) throws(StorageError) -> Measurement {
        let value = [UInt8](repeating: 0x76, count: valueBytes)
        return try measure(name, count) { index throws(StorageError) in
            try withKey(index) { key throws(StorageError) in
                try database.put(value, for: key, durability: durability)
            }
        }
    }

    /// All entries, 1,000 a durable transaction.
    private func batches() throws(StorageError) -> Measurement {
        let value = [UInt8](repeating: 0x77, count: valueBytes)
        let count = (entries + Self.batch - 1) / Self.batch
        var measured = try measure("batches_of_1000", count) { index throws(StorageError) in
            let transaction = try database.begin()
            for number in index * Self.batch..<min(entries, (index + 1) * Self.batch) {
                try withKey(number) { key throws(StorageError) in
                    try transaction.put(value, for: key)
                }
            }
            try transaction.commit(durability: .full)
        }
        measured.operations = entries
        return measured
    }

    /// Gets in an order that is neither that of the puts nor that of the keys.
    private func gets() throws(StorageError) -> Measurement {
        let snapshot = try database.snapshot()
        var number = 0
        return try measure("gets", entries, every: 16) { _ throws(StorageError) in
            // A large prime as the step comes by every entry, far from the one before.
            number = (number + 7_368_787) % entries
            let length = try withKey(number) { key throws(StorageError) in
                try snapshot.withValue(for: key) { $0.byteCount }
            }
            guard length == valueBytes else {
                throw StorageError(.damaged, "The database lost an entry that was put.")
            }
        }
    }

    /// All entries in order, keys and values.
    private func scan() throws(StorageError) -> Measurement {
        let progress = Progress("scan", in: session)
        defer { progress.finish() }
        var samples: [UInt64] = []
        var count = 0
        // Of what is read; 1 more, so that it is never nothing.
        var sum = 1
        let began = System.now
        var last = began
        func first(_ bytes: RawSpan) -> Int {
            bytes.isEmpty ? 0 : Int(unsafe bytes.unsafeLoad(as: UInt8.self))
        }
        try database.scan { key, value in
            sum &+= first(key) &+ first(value)
            count += 1
            if count.isMultiple(of: Self.batch) {
                let now = System.now
                samples.append(now - last)
                last = now
                progress.step(UInt64(count) & ~0xff, of: UInt64(entries))
            }
            return true
        }
        let took = System.now - began
        guard count == entries, sum > 0 else {
            throw StorageError(.damaged, "The scan found \(count) entries of \(entries).")
        }
        samples.sort()
        return Measurement(
            name: "scan", operations: count, nanoseconds: took, samples: samples)
    }
}

extension String {
    /// Itself, followed by blanks up to a width.
    fileprivate func column(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
