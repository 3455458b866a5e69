@_spi(Engine) import KVDB
import PageStore
import StorageIO
import StorageIOTesting
import WAL

/// A snapshot of a database in a file.
@_spi(Engine) public typealias FileSnapshot = EngineSnapshot<
    FilePageStore<POSIXFile>, WriteAheadLog<POSIXFileSystem>
>
/// A write transaction on it.
@_spi(Engine) public typealias FileTransaction = EngineTransaction<
    FilePageStore<POSIXFile>, WriteAheadLog<POSIXFileSystem>
>

/// Accounts whose total never changes and marks that are always equal, over many pages: what holds in
/// every version of a database that many threads use.
public struct Bank: Sendable {
    public static let accountCount = 64
    public static let total = accountCount * 1000
    public static let fillerCount = 2000

    public static func account(_ number: Int) -> [UInt8] {
        Array("account/".utf8) + numberKey(number)
    }

    /// Marks lie at both ends and in the middle of the key space.
    public static let marks: [[UInt8]] = ["a mark", "f mark", "q mark", "z mark"].map {
        Array($0.utf8)
    }
    public static let table = "marks"

    public static func encode(_ number: Int) -> [UInt8] { numberKey(number, byteCount: 8) }

    public static func decode(_ bytes: [UInt8]?) throws -> Int {
        guard let bytes, bytes.count == 8 else {
            throw Mismatch("no number: \(String(describing: bytes))")
        }
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    /// Writes the first state.
    @_spi(Engine) public static func open(_ database: FileDatabase) throws {
        try database.write { transaction in
            for number in 0..<accountCount {
                try transaction.put(account(number), encode(total / accountCount))
            }
            for mark in marks { try transaction.put(mark, encode(0)) }
            try transaction.put(marks[0], encode(0), table: table)
        }
    }

    /// One transaction: moves money, raises every mark, and shuffles entries around them.
    @_spi(Engine) public static func transfer(
        _ database: FileDatabase, _ random: inout SeededRandom
    ) throws {
        let from = random.below(accountCount)
        let to = (from + 1 + random.below(accountCount - 1)) % accountCount
        let amount = random.below(50)
        let isAborted = random.oneIn(20)
        var transaction = try database.begin()
        try change(&transaction, from, to, amount, &random)
        if isAborted {
            transaction.abort()
        } else {
            try transaction.commit()
        }
    }

    private static func change(
        _ transaction: inout FileTransaction, _ from: Int, _ to: Int, _ amount: Int,
        _ random: inout SeededRandom
    ) throws {
        let source = try decode(transaction.get(account(from)))
        try transaction.put(account(from), encode(source - amount))
        let target = try decode(transaction.get(account(to)))
        try transaction.put(account(to), encode(target + amount))
        let mark = try decode(transaction.get(marks[0])) + 1
        for key in marks { try transaction.put(key, encode(mark)) }
        try transaction.put(marks[0], encode(mark), table: table)
        for _ in 0..<3 {
            let key = Array("m filler/".utf8) + numberKey(random.below(fillerCount))
            if random.oneIn(3) {
                try transaction.delete(key)
            } else {
                try transaction.put(key, random.bytes(random.oneIn(30) ? 6000 : random.below(200)))
            }
        }
    }

    /// Throws unless a version is consistent; its mark.
    @discardableResult
    @_spi(Engine) public static func check(_ snapshot: FileSnapshot) throws -> Int {
        var sum = 0
        var accounts = 0
        try snapshot.forEach(in: .prefix("account/"), reverse: snapshot.transaction % 2 == 0) {
            _, value in
            sum += value.array.reduce(0) { $0 << 8 | Int($1) }
            accounts += 1
            return true
        }
        let at = snapshot.transaction
        guard accounts == accountCount, sum == total else {
            throw Mismatch("version \(at): \(accounts) accounts with \(sum)")
        }
        let mark = try decode(snapshot.get(marks[0]))
        for key in marks where try decode(snapshot.get(key)) != mark {
            throw Mismatch("version \(at): the marks differ")
        }
        guard try decode(snapshot.get(marks[0], table: table)) == mark else {
            throw Mismatch("version \(at): the mark in the table differs")
        }
        guard try snapshot.count(in: .prefix("account/")) == UInt64(accountCount) else {
            throw Mismatch("version \(at): the count is wrong")
        }
        return mark
    }
}
