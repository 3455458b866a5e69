@_spi(Engine) import DatabaseTesting
@_spi(Engine) import KVDB
import KVTools
import StorageIO
import StorageIOTesting

extension FaultTrial {
    private var exportPath: String { world.path + ".tkdb" }

    /// Exports as `kvtools export` does, and holds what is left to F6.
    mutating func export(_ handle: Engine, packed: Bool, _ place: String) throws {
        let before = world.bytes(exportPath)
        do {
            let file = try OutputFile(path: exportPath, on: world.files)
            let packer = packed ? try LZ4FrameEncoder(file) : nil
            _ = try handle.export { bytes throws(StorageError) in
                try withByteView(of: bytes) { bytes throws(StorageError) in
                    if let packer { try packer.write(bytes) } else { try file.write(bytes) }
                }
            }
            try packer?.finish()
            try file.commit()
        } catch {
            // Under its name there is what was there before, or all of the new one.
            let after = world.bytes(exportPath)
            if after != before { try check(isWhole(after), "\(place) F6: a part has the name") }
            // What an earlier export could not remove is a whole one of an earlier state.
            for name in world.names() where name.hasSuffix(".partial") {
                let content = try content(of: world.bytes(name) ?? [])
                try check(
                    content == nil || states.contains(content!),
                    "\(place) F6: a part passes for a whole")
            }
            throw error
        }
        try check(isWhole(world.bytes(exportPath)), "\(place) F6: the export is not whole")
        exported = state
    }

    private func isWhole(_ bytes: [UInt8]?) throws -> Bool {
        guard let bytes else { return false }
        return try content(of: bytes) == state
    }

    /// What an import makes of these bytes; nil when it refuses them.
    private func content(of bytes: [UInt8]) throws -> DatabaseModel? {
        let database = try InMemoryDatabase.openInMemory()
        do throws(StorageError) {
            let input = MemoryInput(bytes)
            let plain: any ByteInput =
                LZ4FrameDecoder.recognises(Array(bytes.prefix(4)))
                ? try LZ4FrameDecoder(input) : input
            let reader = ExportReader { buffer throws(StorageError) in
                try plain.read(into: &buffer)
            }
            try database.importEntries(replacing: true, from: reader)
        } catch {
            return nil
        }
        return try DatabaseModel(of: database)
    }

    /// Imports the exported file, read through the failing file system.
    func importFile(_ handle: Engine) throws {
        let input = try FileInput(world.files.open(exportPath, .readOnly))
        let head = try input.file.readBytes(4)
        let plain: any ByteInput =
            LZ4FrameDecoder.recognises(head) ? try LZ4FrameDecoder(input) : input
        let reader = ExportReader { buffer throws(StorageError) in
            try plain.read(into: &buffer)
        }
        try handle.importEntries(replacing: true, from: reader)
    }
}

/// A file's bytes one after another.
private final class FileInput<Handle: File>: ByteInput {
    let file: Handle
    private var offset: UInt64 = 0

    init(_ file: Handle) { self.file = file }

    deinit { file.close() }

    func read(into buffer: inout [UInt8]) throws(StorageError) -> Int {
        let bytes = try file.readBytes(buffer.count, at: offset)
        buffer.replaceSubrange(0..<bytes.count, with: bytes)
        offset += UInt64(bytes.count)
        return bytes.count
    }
}

extension DatabaseModel {
    /// All that `database` holds.
    init<Store, Log>(of database: DatabaseEngine<Store, Log>) throws {
        self.init()
        let snapshot = try database.snapshot()
        var entries: [(String, [UInt8], [UInt8])] = []
        try snapshot.forEach { key, value in
            entries.append(("", key.array, value.array))
            return true
        }
        for name in try snapshot.tableNames() {
            apply(.createTable(name))
            try snapshot.forEach(table: name) { key, value in
                entries.append((name, key.array, value.array))
                return true
            }
        }
        for (table, key, value) in entries { apply(.put(key, value, table: table)) }
    }
}
