// What must be there when the program of the article DurabilityLevels has passed its lines that begin with
// "// Durable", after any power cut or kill. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    let database = try Database(at: "clicks.db", files: files)
    let keys = try database[Table<String, Int>("clicks")].keys()
    let states = [[], ["start"], ["pay", "start"], ["help", "pay", "start"]]
    guard try database.verify().isSound, let state = states.firstIndex(of: keys),
        passed == 0 || state > passed
    else { throw StorageError(.damaged, "after line \(passed) there is \(keys)") }
    try database.close()
}
