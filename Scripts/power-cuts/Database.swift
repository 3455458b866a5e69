// What must be there when the program of Docs/Guides/Database.md has passed its lines that begin with
// "// Durable", after any power cut or kill. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    typealias SweptDatabase = DatabaseEngine<
        FilePageStore<CrashingFile>, WriteAheadLog<CrashingFileSystem>
    >
    func require(_ isRight: Bool, _ what: String) throws(StorageError) {
        guard isRight else { throw StorageError(.damaged, "\(what) after line \(passed)") }
    }

    let database = try SweptDatabase.open("my.db", files: files)
    try require(try database.verify().isSound, "the database is not sound")
    do {
        let snapshot = try database.snapshot()
        func text(_ key: String, table: String? = nil) throws(StorageError) -> String? {
            let value =
                if let table { try snapshot.get(key, table: table) } else { try snapshot.get(key) }
            return value.map { String(decoding: $0, as: UTF8.self) }
        }
        if passed >= 1 { try require(try text("apple") == "red", "the apple is not red") }
        // Each run moves 30 from Ann, who has 100 then, to Bob.
        let ann = try text("account/ann")
        let bob = try text("account/bob").flatMap { Int($0) } ?? 0
        try require(ann == nil || ann == "100" || ann == "70" && bob >= 30, "half a move")
        if passed >= 2 { try require(bob >= 30 && bob % 30 == 0, "no move") }
        let tables = try snapshot.tableNames()
        try require(tables.isEmpty || tables == ["price", "stock"], "only \(tables)")
        if passed >= 3 {
            try require(try text("apple", table: "stock") == "17", "no stock")
            try require(try text("apple", table: "price") == "0.40", "no price")
        }
        if passed >= 4 { try require(try text("clicks") == "1", "no clicks") }
    }
    try database.close()

    // Where they are imported again, those of the time before are there until the import is done.
    let numbers = try SweptDatabase.open("numbers.db", files: files)
    let count = try numbers.count()
    try require(count == 1000 || count == 0 && passed < 5, "\(count) numbers")
    try numbers.close()
}
