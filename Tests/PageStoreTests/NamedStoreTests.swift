import StorageIO
import StorageIOTesting
import Testing

@testable import PageStore

/// Opening by name does all that a store needs to be safe: lock, name, superblock.
@Suite struct NamedStoreTests {
    private func open(
        _ files: CrashingFileSystem, _ options: PageStoreOptions = smallOptions
    ) throws(StorageError) -> FilePageStore<CrashingFile> {
        try .openOrCreate(files: files, path: "store", options: options, check: ToyTree.check)
    }

    /// Two transactions on top of what is there, each made durable.
    private static func go(
        _ store: FilePageStore<CrashingFile>, _ acknowledged: PowerCuts.Acknowledged<UInt64>
    ) throws {
        var tree = ToyTree(store)
        tree.entries = try ToyTree.entries(store, root: tree.root)
        var random = SeededRandom(seed: tree.transaction)
        for _ in 0..<2 {
            try tree.change(&random, count: 6, slots: 12, overflow: false)
            try tree.checkpoint()
            acknowledged.value = tree.transaction
        }
    }

    /// The newest version must be at least the acknowledged one, and whole.
    private static func check(_ files: CrashingFileSystem, _ acknowledged: UInt64) throws {
        let store = try FilePageStore.openOrCreate(
            files: files, path: "store", options: smallOptions, check: ToyTree.check)
        let record = store.checkpoint
        guard record.transaction >= acknowledged else {
            throw StorageError(
                .damaged, "\(acknowledged) was durable, \(record.transaction) is there.")
        }
        if let problem = try ToyTree.problem(store, root: record.catalogRoot) {
            throw StorageError(.damaged, problem)
        }
        store.close()
    }

    /// Nothing that a finished checkpoint says is durable is lost, whatever happens, by name.
    @Test func survivesPowerCutsAndKills() throws {
        try PowerCuts.sweep(UInt64(0)) { files, acknowledged in
            let store = try open(files)
            try Self.go(store, acknowledged)
            store.close()
        } check: {
            try Self.check($0, $1)
        }
    }

    /// What opening does is needed: without it the sweep finds lost and damaged stores.
    @Test func opensWithLessAtOnesOwnRisk() throws {
        let nameless = #expect(throws: PowerCuts.Failure.self) {
            try PowerCuts.sweep(UInt64(0), restarts: false) { files, acknowledged in
                let store = try FilePageStore.create(
                    on: files.open("store", .create), options: smallOptions, check: ToyTree.check)
                try Self.go(store, acknowledged)
            } check: {
                try Self.check($0, $1)
            }
        }
        #expect(nameless.map { $0.wrongStates > 0 } == true)
        let unsecured = #expect(throws: PowerCuts.Failure.self) {
            var options = smallOptions
            options.securesSuperblock = false
            let careless = options
            try PowerCuts.sweep(UInt64(0)) { files, acknowledged in
                let store = try open(files, careless)
                try Self.go(store, acknowledged)
                store.close()
            } check: {
                try Self.check($0, $1)
            }
        }
        #expect(unsecured?.place.contains("after a kill") == true)
    }

    /// A creation that a power cut ends leaves what the next one takes, by name or by handle.
    @Test func creationCanBeCutAnywhere() throws {
        for isByName in [true, false] {
            try PowerCuts.sweep(false) { files, acknowledged in
                let store: FilePageStore<CrashingFile>
                if isByName {
                    store = try open(files)
                } else {
                    let file = try files.open("store", .create)
                    try files.syncDirectory(of: "store")
                    store =
                        try FilePageStore<CrashingFile>.isBlank(file)
                        ? .create(on: file, options: smallOptions, check: ToyTree.check)
                        : .open(on: file, options: smallOptions, check: ToyTree.check)
                }
                acknowledged.value = true
                store.close()
            } check: { survivor, isThere in
                let file = try survivor.open("store", isThere ? .readWrite : .create)
                // Exactly one of the two can be done.
                let opened = storageError {
                    _ = try FilePageStore.open(
                        on: file, options: smallOptions, check: ToyTree.check)
                }
                let created = storageError {
                    _ = try FilePageStore.create(
                        on: file, options: smallOptions, check: ToyTree.check)
                }
                guard (opened == nil) != (created == nil), opened == nil || !isThere else {
                    throw StorageError(.damaged, "open: \(opened, default: "ok")")
                }
            }
        }
    }

    @Test func creationTakesNothingThatSomebodyCouldMiss() throws {
        let files = CrashingFileSystem()
        for (bytes, isTaken): ([UInt8], Bool) in [
            ([], true), ([0], true), ([UInt8](repeating: 0, count: 8192), true),
            ([UInt8](repeating: 0, count: 8193), false), ([1], false),
            ([UInt8](repeating: 0, count: 5000) + [7], false),
        ] {
            let file = try files.open("some", .create)
            try file.truncate(to: 0)
            try file.writeBytes(bytes)
            file.close()
            let error = storageError {
                try FilePageStore.create(
                    files: files, path: "some", options: smallOptions, check: ToyTree.check
                ).close()
            }
            #expect(error?.code == (isTaken ? nil : .fileExists), "\(bytes.count) bytes")
        }
    }

    @Test func twoHandlesAreKeptApart() throws {
        let files = CrashingFileSystem()
        let store = try open(files)
        #expect(storageError { _ = try open(files) }?.code == .locked)
        #expect(
            storageError {
                _ = try FilePageStore.open(
                    on: files.open("store", .readWrite), options: smallOptions,
                    check: ToyTree.check)
            }?.code == .locked)
        var reading = smallOptions
        reading.readOnly = true
        #expect(storageError { _ = try open(files, reading) }?.code == .locked)
        var careless = smallOptions
        careless.locksFile = false
        #expect(storageError { _ = try open(files, careless) } == nil)
        store.close()
        let reader = try open(files, reading)
        let other = try open(files, reading)
        #expect(storageError { _ = try open(files) }?.code == .locked)
        reader.close()
        other.close()
        try open(files).close()
    }

    @Test func readersWriteNothingAndCreateNothing() throws {
        let files = CrashingFileSystem()
        var reading = smallOptions
        reading.readOnly = true
        #expect(storageError { _ = try open(files, reading) }?.code == .fileNotFound)
        #expect(
            storageError {
                _ = try FilePageStore.create(
                    files: files, path: "store", options: reading, check: ToyTree.check)
            }?.code == .invalidArgument)
        #expect(files.paths.isEmpty)
        try open(files).close()
        let before = files.count(of: .changing)
        try open(files, reading).close()
        #expect(files.count(of: .changing) == before)
    }

    /// What fails to open leaves no lock behind.
    @Test func closesTheFileWhenItFails() throws {
        let files = CrashingFileSystem()
        try files.open("store", .create).writeBytes([1, 2, 3])
        for _ in 0..<2 { #expect(storageError { _ = try open(files) }?.code == .notADatabase) }
        try open(CrashingFileSystem()).close()
    }
}
