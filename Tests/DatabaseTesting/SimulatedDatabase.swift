@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A database on the simulated file system, whose every call can be counted, failed or crashed.
@_spi(Engine) public typealias SimulatedDatabase = DatabaseEngine<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>

/// Its pages.
public typealias SimulatedStore = FilePageStore<CrashingFile>
/// Its log.
public typealias SimulatedLog = WriteAheadLog<CrashingFileSystem>
/// A snapshot of it.
@_spi(Engine) public typealias SimulatedSnapshot = EngineSnapshot<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>
/// A write transaction on it.
@_spi(Engine) public typealias SimulatedTransaction = EngineTransaction<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>

extension DatabaseEngine
where Store == FilePageStore<CrashingFile>, Log == WriteAheadLog<CrashingFileSystem> {
    /// The path of every simulated database.
    public static var testPath: String { "test.db" }

    /// Opens the database of `files`, or creates it there.
    public static func open(
        on files: CrashingFileSystem, _ options: Database.Options = .small
    ) throws(StorageError) -> SimulatedDatabase {
        try open(testPath, files: files, options: options)
    }
}

extension Database.Options {
    /// Budgets so small that a few kilobytes evict, checkpoint and recycle, and no thread, so that
    /// every run is the same.
    public static var small: Database.Options {
        var options = Database.Options()
        options.checkpointPolicy = .inline
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 16 << 10
        options.logBudget = 16 << 10
        options.logSegmentSize = 4096
        options.sizeLimit = 64 << 20
        return options
    }

    /// The same, but checkpoints run only when asked for.
    public static var manual: Database.Options {
        var options = small
        options.checkpointPolicy = .manual
        return options
    }
}

/// A test's finding, thrown to get out of a long random run at once.
public struct Mismatch: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Throws `message` unless `condition` holds. Much cheaper than `#expect`, for checks that run
/// millions of times.
public func check(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw Mismatch(message()) }
}

extension DatabaseEngine {
    /// Throws when ``verify(progress:)`` finds anything.
    public func checkSound(_ place: @autoclosure () -> String = "") throws {
        let report = try verify()
        if report.isSound { return }
        let findings = report.findings.prefix(5).map { "\($0.error)" }.joined(separator: "; ")
        throw Mismatch("\(place()) verify found \(report.findings.count): \(findings)")
    }
}

/// The code of the error that `body` throws, nil when it throws none.
public func errorCode<Result>(_ body: () throws -> Result) -> StorageError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}

extension SeededRandom {
    /// A random element of a collection that is not empty.
    public mutating func element<Elements: RandomAccessCollection>(
        of elements: Elements
    ) -> Elements.Element {
        elements[elements.index(elements.startIndex, offsetBy: below(elements.count))]
    }
}

/// Big-endian bytes, so that numbers sort as keys do.
public func numberKey(_ number: Int, byteCount: Int = 4) -> [UInt8] {
    (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}
