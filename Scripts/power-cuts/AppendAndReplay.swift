// What must be there when the program of the article AppendAndReplay has passed its lines that begin with
// "// Durable", and not yet the next that begins with "// Forgotten", after any power cut or kill: first the
// records, then the position. Scripts/check-docs compiles it with the program.

func checkSurvivor(_ files: CrashingFileSystem, _ passed: Int) throws {
    var position: LogSequenceNumber = 0
    if try files.exists("journal.position") {
        let file = try files.open("journal.position", .readOnly)
        let bytes = try file.readAll()
        guard bytes.count == 8 else { throw StorageError(.damaged, "the position is cut") }
        for byte in bytes.reversed() { position = position << 8 | UInt64(byte) }
    }
    var numbers: [UInt64] = []
    let log = try WriteAheadLog.open(
        files: files, path: "journal.log",
        identity: LogIdentity(high: 0x6a6f_7572_6e61_6c00, low: 1), from: position
    ) { numbers.append($0.transaction) }
    try log.close(removing: false)
    guard passed != 2 || position > 0 else { throw StorageError(.damaged, "no position is there") }
    guard passed != 1 || numbers.starts(with: [1, 2]) else {
        throw StorageError(.damaged, "the records \(numbers) are there")
    }
}
