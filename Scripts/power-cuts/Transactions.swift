// What must be there when the program of the article Transactions has passed its lines that begin with
// "// Durable", after any power cut or kill. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    func require(_ isRight: Bool, _ what: String) throws(StorageError) {
        guard isRight else { throw StorageError(.damaged, "\(what) after line \(passed)") }
    }
    let database = try Database(at: "bank.db", files: files)
    try require(try database.verify().isSound, "the database is not sound")
    let balances = try database[Table<String, Int>("accounts")].entries()
    // Each run gives both accounts a balance, moves 30 from one to the other, opens an account that is deleted again,
    // and deletes all that has less than 50.
    let states: [[(String, Int)]] = [
        [], [("ann", 100), ("bob", 0)], [("ann", 70), ("bob", 30)],
        [("ann", 70), ("bob", 30), ("eve", 0)], [("ann", 70)],
    ]
    let state = states.firstIndex { state in
        state.count == balances.count
            && zip(state, balances).allSatisfy { $0.0 == $1.key && $0.1 == $1.value }
    }
    guard let state else {
        return try require(false, "no state of the program is there: \(balances)")
    }
    try require(state >= passed, "only state \(state) is there")
    try database.close()
}
