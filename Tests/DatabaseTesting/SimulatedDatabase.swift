import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A database on the simulated file system, whose every call can be counted, failed or crashed.
package typealias SimulatedDatabase = DatabaseEngine<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>

/// Its pages.
package typealias SimulatedStore = FilePageStore<CrashingFile>
/// Its log.
package typealias SimulatedLog = WriteAheadLog<CrashingFileSystem>
/// A snapshot of it.
package typealias SimulatedSnapshot = Snapshot<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>
/// A write transaction on it.
package typealias SimulatedTransaction = WriteTransaction<
    FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
>

extension DatabaseEngine
where Store == FilePageStore<CrashingFile>, Log == WriteAheadLog<CrashingFileSystem> {
    /// The path of every simulated database.
    package static var testPath: String { "test.db" }

    /// Opens the database of `files`, or creates it there.
    package static func open(
        on files: CrashingFileSystem, _ options: DatabaseOptions = .small
    ) throws(StorageError) -> SimulatedDatabase {
        try open(testPath, files: files, options: options)
    }
}

extension DatabaseOptions {
    /// Budgets so small that a few kilobytes evict, checkpoint and recycle, and no thread, so that
    /// every run is the same.
    package static var small: DatabaseOptions {
        var options = DatabaseOptions()
        options.checkpointPolicy = .inline
        options.cacheBudget = 64 << 10
        options.dirtyBudget = 16 << 10
        options.logBudget = 16 << 10
        options.logSegmentSize = 4096
        options.maximumFileSize = 64 << 20
        return options
    }

    /// The same, but checkpoints run only when asked for.
    package static var manual: DatabaseOptions {
        var options = small
        options.checkpointPolicy = .manual
        return options
    }
}

/// A test's finding, thrown to get out of a long random run at once.
package struct Mismatch: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Throws `message` unless `condition` holds. Much cheaper than `#expect`, for checks that run
/// millions of times.
package func check(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw Mismatch(message()) }
}

extension DatabaseEngine {
    /// Throws when ``verify(progress:)`` finds anything.
    package func checkSound(_ place: @autoclosure () -> String = "") throws {
        let report = try verify()
        if report.isSound { return }
        let findings = report.findings.prefix(5).map { "\($0.error)" }.joined(separator: "; ")
        throw Mismatch("\(place()) verify found \(report.findings.count): \(findings)")
    }
}

/// The code of the error that `body` throws, nil when it throws none.
package func errorCode<Result>(_ body: () throws -> Result) -> StorageError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}

extension SeededRandom {
    /// A random element of a collection that is not empty.
    package mutating func element<Elements: RandomAccessCollection>(
        of elements: Elements
    ) -> Elements.Element {
        elements[elements.index(elements.startIndex, offsetBy: below(elements.count))]
    }
}

/// Big-endian bytes, so that numbers sort as keys do.
package func numberKey(_ number: Int, byteCount: Int = 4) -> [UInt8] {
    (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}
