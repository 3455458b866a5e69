// What must be there when the program of the article MapInAFile has passed its line that begins with
// "// Durable", after any power cut or kill. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    let store = try FilePageStore.openOrCreate(
        files: files, path: "map.pages", check: NodeCheck.check)
    defer { store.close() }
    let record = store.checkpoint
    let tree = BPlusTree(
        store: store,
        root: TreeRoot(
            page: record.catalogRoot, height: record.catalogHeight,
            entryCount: record.catalogCount))
    let report = try tree.checkInvariants()
    guard report.entryCount == (passed > 0 ? 2 : report.entryCount) else {
        throw StorageError(.damaged, "\(report.entryCount) entries are there")
    }
    for (word, meaning) in [("uno", "one"), ("tre", "three")] where passed > 0 {
        let found = try withByteView(of: word) { key throws(StorageError) in try tree.get(key) }
        guard found == Array(meaning.utf8) else { throw StorageError(.damaged, "no \(word)") }
    }
}
