// What must be there when the program of the article Care has passed its lines that begin with "// Durable", after
// any power cut or kill. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    func require(_ isRight: Bool, _ what: String) throws(StorageError) {
        guard isRight else { throw StorageError(.damaged, "\(what) after line \(passed)") }
    }
    func count(_ path: String) throws -> Int {
        let database = try Database(at: path, files: files)
        try require(try database.verify().isSound, "\(path) is not sound")
        let count = try database[Table<String, Int>("words")].count
        try database.close()
        return count
    }
    let words = try count("words.db")
    try require(
        passed == 0 ? [0, 2000].contains(words) : [2000, 100].contains(words), "\(words) words")
    let copies = try count("copy.db")
    try require(passed < 2 ? [0, 100].contains(copies) : copies == 100, "\(copies) copies")
}
