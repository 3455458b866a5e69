@_spi(Engine) import KVDB
import StorageIO

/// What a commit waits for; the levels that every engine has.
public enum CommitLevel: String, Codable, Sendable {
    /// The medium has it.
    case durable
    /// The operating system has it: it survives `kill -9`, not a power cut.
    case written
}

/// How often checkpoints, flushes, or whatever the engine calls them, are to come.
public enum Checkpoints: Sendable {
    case usual
    /// As often as it takes for many of them to fall into a short run.
    case often
    /// Everything stays in the log.
    case never
}

/// How an engine's database is opened.
public struct EngineOptions: Sendable {
    /// An existing folder that belongs to the database.
    public var directory: String
    /// Bytes of cache, where the engine has one: the same for all.
    public var cacheBudget = 1 << 30
    /// Bytes of address space, where the engine maps its file.
    public var mapByteCount = 8 << 30
    /// What commits wait for.
    public var level = CommitLevel.durable
    /// How often checkpoints come.
    public var checkpoints = Checkpoints.usual

    /// The defaults for a folder.
    public init(directory: String) { self.directory = directory }
}

/// An open database of some engine.
protocol BenchmarkEngine: AnyObject, Sendable {
    associatedtype Session: BenchmarkSession

    static func open(_ options: EngineOptions) throws -> Self

    /// What one thread works with.
    func makeSession() throws -> Session
    /// Brings the files into the state in which reads are cheapest.
    func settle() throws
    /// Every session must have finished before.
    func close() throws
}

/// One thread's way to a database: what it keeps open between calls, as the engine's best users do. The
/// loops over it are generic, so the same ones time every engine, and are compiled for each.
protocol BenchmarkSession: AnyObject {
    /// A sum over the bytes that were read, so that no read can be left out.
    var touched: UInt64 { get }

    func put(_ key: ByteView, _ value: ByteView) throws
    /// Puts `count` entries in one transaction; `entry` lends the i-th until it is called again.
    func putBatch(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws
    /// Deletes `count` keys in one transaction.
    func deleteBatch(_ count: Int, _ key: (Int) -> ByteView) throws
    /// Fills an empty database with ascending keys by the engine's fastest way; durable at the end.
    func loadSorted(_ count: Int, _ entry: (Int) -> (ByteView, ByteView)) throws

    /// Fixes the version that `get`, `getMany` and `scan` read until `endRead`.
    func beginRead() throws
    func endRead()
    /// Reads first and last byte of the value where it lies; whether there is one.
    func get(_ key: ByteView) throws -> Bool
    /// The same on the newest version, by the engine's shortest way.
    func getNewest(_ key: ByteView) throws -> Bool
    /// The same for several keys; how many there were.
    func getMany(_ keys: [ByteView]) throws -> Int
    /// Reads the first bytes of key and value of at most `limit` entries, from a key (nil: the end) on;
    /// how many there were.
    func scan(from: ByteView?, reverse: Bool, limit: Int) throws -> Int

    /// Gives back what it holds. Nothing else may be called afterwards.
    func finish()
}

/// Something that went wrong while measuring, for a person to read.
public struct BenchmarkError: Error, CustomStringConvertible {
    /// What went wrong.
    public let description: String

    /// An error with a whole sentence about it.
    public init(_ description: String) { self.description = description }
}
