import StorageIO
import StorageIOTesting

@testable import WAL

/// The identity of the logs of these tests.
let testIdentity = LogIdentity(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908)
/// Their path.
let logPath = "log"

/// Options with the smallest segments, so that records cross them.
func smallSegments(retained: Int = 2) -> LogOptions {
    var options = LogOptions()
    options.segmentSize = LogLayout.minimumSegmentSize
    options.retainedSegments = retained
    return options
}

/// A record, copied out.
struct Entry: Equatable {
    var transaction: UInt64
    var payload: [UInt8]

    /// A record whose content follows from its numbers.
    init(_ transaction: UInt64, size: Int, generation: UInt64 = 0) {
        self.transaction = transaction
        var random = SeededRandom(seed: transaction &* 1_000_003 &+ generation)
        payload = random.bytes(size)
    }

    init(_ record: LogRecord) {
        transaction = record.transaction
        payload = record.payload.array
    }
}

extension CommitLog {
    /// Appends an array's bytes.
    @discardableResult
    func append(_ bytes: [UInt8], transaction: UInt64 = 0) throws(StorageError)
        -> LogSequenceNumber
    {
        var result: Result<LogSequenceNumber, StorageError>?
        // The view does not leave the closure.
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(StorageError) {
                result = .success(
                    try append(unsafe ByteView(buffer), transaction: transaction))
            } catch {
                result = .failure(error)
            }
        }
        return try result!.get()
    }

    @discardableResult
    func append(_ entry: Entry) throws(StorageError) -> LogSequenceNumber {
        try append(entry.payload, transaction: entry.transaction)
    }

    /// Appends and syncs.
    @discardableResult
    func commit(_ entry: Entry) throws(StorageError) -> LogSequenceNumber {
        let position = try append(entry)
        try sync(through: position)
        return position
    }
}

/// Opens a log and collects what it replays.
func openLog<Files: FileSystem>(
    _ files: Files, from position: LogSequenceNumber = 0, options: LogOptions = smallSegments(),
    readOnly: Bool = false, mustExist: Bool = false
) throws(StorageError) -> (log: WriteAheadLog<Files>, entries: [Entry]) {
    var entries: [Entry] = []
    let log = try WriteAheadLog.open(
        files: files, path: logPath, identity: testIdentity, from: position, options: options,
        readOnly: readOnly, mustExist: mustExist
    ) { record in entries.append(Entry(record)) }
    return (log, entries)
}

/// Writes `entries` with one sync each, and closes.
func writeLog<Files: FileSystem>(
    _ files: Files, _ entries: [Entry], options: LogOptions = smallSegments()
) throws(StorageError) {
    let log = try openLog(files, options: options).log
    for entry in entries { try log.commit(entry) }
    try log.close(removing: false)
}

/// All bytes of a file.
func contents<Files: FileSystem>(_ files: Files) throws(StorageError) -> [UInt8] {
    let file = try files.open(logPath, .readOnly)
    defer { file.close() }
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    var failure: StorageError?
    unsafe bytes.withUnsafeMutableBytes { buffer in
        do throws(StorageError) { _ = try unsafe file.read(into: buffer, at: 0) } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return bytes
}

/// A file system whose log consists of these bytes.
func memory(with bytes: [UInt8]) throws(StorageError) -> InMemoryFileSystem {
    let files = InMemoryFileSystem()
    let file = try files.open(logPath, .create)
    defer { file.close() }
    var failure: StorageError?
    unsafe bytes.withUnsafeBytes { buffer in
        do throws(StorageError) { try unsafe file.write(buffer, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
    return files
}
