import StorageIO
import StorageIOTesting
import Testing

/// What every `FileSystem` promises about names and locks.
@Suite struct FileSystemTests {
    @Test(arguments: FileSystemKind.allCases)
    func openModes(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        #expect(errorCode { _ = try place.open("a", .readOnly) } == .fileNotFound)
        #expect(errorCode { _ = try place.open("a", .readWrite) } == .fileNotFound)
        #expect(try !place.fileSystem.exists(place.path("a")))
        try place.open("a", .createNew).writeBytes([1])
        #expect(try place.fileSystem.exists(place.path("a")))
        #expect(errorCode { _ = try place.open("a", .createNew) } == .fileExists)
        #expect(try place.open("a", .create).readAll() == [1])
        #expect(try place.open("a", .readWrite).readAll() == [1])
        #expect(storageError { _ = try place.open("b", .readOnly) }?.path == place.path("b"))
    }

    @Test(arguments: FileSystemKind.allCases)
    func handlesShareTheContent(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        let writer = try place.open("a")
        let reader = try place.open("a", .readOnly)
        try writer.writeBytes([1, 2, 3])
        #expect(try reader.readAll() == [1, 2, 3])
        #expect(writer.path == place.path("a"))
    }

    @Test(arguments: FileSystemKind.allCases)
    func renameReplacesOnlyWhenAsked(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        try place.open("a").writeBytes([1])
        try place.open("b").writeBytes([2])
        let old = try place.open("b")
        let (a, b, c) = (place.path("a"), place.path("b"), place.path("c"))
        #expect(
            errorCode { try place.fileSystem.rename(a, to: b, replacing: false) } == .fileExists)
        #expect(try place.open("b").readAll() == [2])
        try place.fileSystem.rename(a, to: b, replacing: true)
        #expect(try place.open("b").readAll() == [1])
        #expect(try !place.fileSystem.exists(a))
        #expect(try old.readAll() == [2])
        try place.fileSystem.rename(b, to: c, replacing: false)
        #expect(try place.open("c").readAll() == [1])
        #expect(
            errorCode { try place.fileSystem.rename(a, to: c, replacing: true) } == .fileNotFound)
        try place.fileSystem.syncDirectory(of: c)
    }

    @Test(arguments: FileSystemKind.allCases)
    func aRemovedFileLivesOnInItsHandles(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        let file = try place.open("a")
        try file.writeBytes([1])
        try place.fileSystem.remove(place.path("a"))
        #expect(try !place.fileSystem.exists(place.path("a")))
        try file.writeBytes([2], at: 1)
        #expect(try file.readAll() == [1, 2])
        #expect(try place.open("a", .createNew).readAll().isEmpty)
        #expect(errorCode { try place.fileSystem.remove(place.path("b")) } == .fileNotFound)
    }

    @Test(arguments: FileSystemKind.allCases)
    func oneWriterOrManyReadersHoldTheLock(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        let first = try place.open("a")
        let second = try place.open("a")
        let reader = try place.open("a", .readOnly)
        try first.lock(exclusive: true)
        try first.lock(exclusive: true)
        let refused = storageError { try second.lock(exclusive: true) }
        #expect(refused?.code == .locked)
        #expect(refused?.message.contains("\(System.processNumber)") == true)
        #expect(errorCode { try second.lock(exclusive: false) } == .locked)
        #expect(errorCode { try reader.lock(exclusive: false) } == .locked)
        first.close()
        try second.lock(exclusive: false)
        try reader.lock(exclusive: false)
        let third = try place.open("a")
        #expect(errorCode { try third.lock(exclusive: true) } == .locked)
        reader.close()
        // The only holder left may make its lock stronger, and weaker again.
        try second.lock(exclusive: true)
        #expect(errorCode { try third.lock(exclusive: false) } == .locked)
        try second.lock(exclusive: false)
        try third.lock(exclusive: false)
    }

    @Test(arguments: FileSystemKind.allCases)
    func aDroppedHandleGivesItsLockBack(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        do {
            let file = try place.open("a")
            try file.lock(exclusive: true)
        }
        try place.open("a").lock(exclusive: true)
    }

    @Test(arguments: FileSystemKind.allCases)
    func aRefusedOpenDoesNotLoosenTheLock(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        let holder = try place.open("a")
        try holder.lock(exclusive: true)
        for _ in 0..<3 {
            let other = try place.open("a")
            #expect(errorCode { try other.lock(exclusive: true) } == .locked)
            other.close()
        }
        #expect(errorCode { try place.open("a").lock(exclusive: false) } == .locked)
    }

    @Test(arguments: FileSystemKind.allCases)
    func theLockFollowsTheFileNotTheName(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        let file = try place.open("a")
        try file.lock(exclusive: true)
        try place.fileSystem.rename(place.path("a"), to: place.path("b"), replacing: false)
        #expect(errorCode { try place.open("b").lock(exclusive: true) } == .locked)
        try place.open("a").lock(exclusive: true)
    }

    @Test(arguments: [FileSystemKind.system, .memory])
    func pathsThatNameNothingAreErrors(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        for path in ["", "a\0b"] {
            #expect(errorCode { _ = try place.fileSystem.open(path, .create) } == .invalidArgument)
            #expect(errorCode { _ = try place.fileSystem.exists(path) } == .invalidArgument)
            #expect(errorCode { try place.fileSystem.remove(path) } == .invalidArgument)
        }
    }
}
