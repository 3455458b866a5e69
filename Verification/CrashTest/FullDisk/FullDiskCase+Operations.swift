@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting

/// Creation and the operations that need much space at once.
extension FullDiskCase {
    /// A database is created whole or not at all, whatever is left on the disk.
    mutating func creation(_ account: inout Account) throws {
        let rooms = [0, 4096, 8192, 12288] + (0..<6).map { _ in random.below(200_000) }
        for (step, room) in rooms.enumerated() {
            account.step = step
            try disk.fill(leaving: room)
            do throws(StorageError) {
                let database = try FileDatabase.open(path, options: options)
                account.note("created on a full disk")
                // Dropped, and so closed, or left with its log, on a full disk.
                withExtendedLifetime(database) {}
                break
            } catch {
                guard error.code == .diskFull else { throw error }
                account.note("creations refused for space")
            }
            try disk.release()
        }
        try disk.release()
        let database = try FileDatabase.open(path, options: options)
        try put(database, "into the new database", &account)
        try finish(database)
    }

    /// An import, a compaction and an export that find the disk full leave everything as it was.
    mutating func largeOperations(_ account: inout Account) throws {
        let database = try FileDatabase.open(path, options: options)
        let room = disk.freeByteCount
        while disk.freeByteCount > room / 2 {
            let transaction = try database.begin()
            for _ in 0..<20 {
                let change = Change.put(
                    Array("key \(random.below(50_000))".utf8), random.bytes(random.below(2000)))
                _ = try transaction.apply(change)
                model.apply(change)
            }
            try transaction.commit()
        }
        try database.checkpoint()
        for step in 0..<4 {
            account.step = step
            try disk.release()
            try disk.fill(leaving: random.below(disk.freeByteCount))
            switch step {
            case 0: try importing(into: database, &account)
            case 1:
                try refusable("compactions", database, &account) { () throws(StorageError) in
                    _ = try database.compact()
                }
            case 2: try export(database, &account)
            default:
                try disk.fill()
                try delete(database, &account)
            }
            try model.check(database, "after operation \(step),")
            try disk.release()
            try put(database, "after operation \(step)", &account)
        }
        try finish(database)
    }

    /// Runs `body`, which may find the disk full and then has changed nothing.
    ///
    /// - Returns: whether it was done.
    @discardableResult
    private func refusable(
        _ what: String, _ database: FileDatabase, _ account: inout Account,
        _ body: () throws(StorageError) -> Void
    ) throws -> Bool {
        do throws(StorageError) {
            try body()
            account.note(what)
            return true
        } catch {
            guard error.code == .diskFull else { throw error }
            if let poison = database.poison { throw Failure("\(what): poisoned by \(poison)") }
            account.note("\(what) refused for space")
            return false
        }
    }

    private mutating func importing(into database: FileDatabase, _ account: inout Account) throws {
        let count = random.number(in: 1...4000)
        let value = random.bytes(random.below(1000))
        var next = 0
        let isDone = try refusable("imports", database, &account) { () throws(StorageError) in
            _ = try database.importEntries(replacing: false) { () throws(StorageError) in
                defer { next += 1 }
                if next == count { return .end(entryCount: UInt64(count)) }
                return .entry(key: numberKey(next), value: value)
            }
        }
        guard isDone else { return }
        for index in 0..<count { model.apply(.put(numberKey(index), value)) }
    }

    private func export(_ database: FileDatabase, _ account: inout Account) throws {
        let file = try POSIXFileSystem().open(disk.file("x.tkdb"), .create)
        defer { file.close() }
        var offset: UInt64 = 0
        try refusable("exports", database, &account) { () throws(StorageError) in
            try database.export { bytes throws(StorageError) in
                try unsafe bytes.withUnsafeBytes { buffer throws(StorageError) in
                    try unsafe file.write(buffer, at: offset)
                }
                offset += UInt64(bytes.byteCount)
            }
        }
        // As `kvtools export` does with what it could not finish.
        try POSIXFileSystem().remove(disk.file("x.tkdb"))
    }
}
