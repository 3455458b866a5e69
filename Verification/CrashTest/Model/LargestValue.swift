@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// The largest value there may be, on the system's files: too much for the thousands of others.
struct LargestValue {
    static let byteCount = 1 << 30

    /// Puts it, reads it, replaces it and deletes it, over a reopen; how many operations that were.
    static func run() throws -> Int {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        let key = [UInt8](repeating: 255, count: 1024)
        var value = [UInt8](repeating: 7, count: byteCount)
        value[byteCount - 1] = 8
        var database = try FileDatabase.open(path)
        try database.put(key, value)
        value.append(9)
        try check(errorCode { try database.put(key, value) } == .valueTooLong, "a byte too much")
        value.removeLast()
        try database.close()
        database = try FileDatabase.open(path)
        try check(try isSame(database, key, value), "the largest value reads wrong")
        try database.checkSound("with the largest value")
        value[0] = 9
        try database.put(key, value)
        try check(try isSame(database, key, value), "the largest value, replaced, reads wrong")
        try check(try database.delete(key), "the largest value is not there")
        try database.checkpoint()
        try database.checkSound("without the largest value")
        try database.close()
        return 6
    }

    private static func isSame(
        _ database: FileDatabase, _ key: [UInt8], _ value: [UInt8]
    ) throws -> Bool {
        try database.withValue(key) { view in
            withByteView(of: value) { $0.compare(to: view) == 0 }
        } == true
    }
}
