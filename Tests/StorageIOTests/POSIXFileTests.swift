import CStorageIO
import Foundation
import StorageIO
import StorageIOTesting
import Testing

/// What only the system's files can show.
@Suite struct POSIXFileTests {
    private let fileSystem = POSIXFileSystem()
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func twoNamesOfOneFileShareTheLock() throws {
        let path = directory.file("a")
        let file = try fileSystem.open(path, .create)
        try file.lock(exclusive: true)
        let manager = FileManager.default
        try manager.linkItem(atPath: path, toPath: directory.file("hard"))
        try manager.createSymbolicLink(
            atPath: directory.file("soft"), withDestinationPath: path)
        for name in ["hard", "soft"] {
            let other = try fileSystem.open(directory.file(name), .readWrite)
            #expect(errorCode { try other.lock(exclusive: true) } == .locked)
        }
    }

    /// Another process is played by a second open file description that goes past the registry:
    /// the system's lock can't tell the two apart.
    @Test func theSystemKeepsProcessesApart() throws {
        let path = directory.file("a")
        let file = try fileSystem.open(path, .create)
        let foreign = unsafe csio_open(path, 0)
        try #require(foreign >= 0)
        try file.lock(exclusive: true)
        #expect(csio_lock(foreign, 1, nil) == -csio_errno_again())
        #expect(csio_lock(foreign, 0, nil) == -csio_errno_again())
        file.close()
        #expect(csio_lock(foreign, 1, nil) == 0)
        let again = try fileSystem.open(path, .readWrite)
        #expect(errorCode { try again.lock(exclusive: true) } == .locked)
        #expect(errorCode { try again.lock(exclusive: false) } == .locked)
        #expect(csio_lock(foreign, 0, nil) == 0)
        #expect(errorCode { try again.lock(exclusive: true) } == .locked)
        try again.lock(exclusive: false)
        #expect(csio_close(foreign) == 0)
        try again.lock(exclusive: true)
    }

    @Test func whatIsNoFileIsRefused() throws {
        let place = directory.file("")
        for mode in [OpenMode.readOnly, .readWrite, .create] {
            #expect(errorCode { _ = try fileSystem.open(place, mode) } == .notADatabase)
        }
        #expect(errorCode { _ = try fileSystem.open("/dev/null", .readWrite) } == .notADatabase)
        let missing = directory.file("none/a")
        #expect(errorCode { _ = try fileSystem.open(missing, .create) } == .fileNotFound)
        #expect(try !fileSystem.exists(missing))
        #expect(errorCode { try fileSystem.syncDirectory(of: missing) } == .fileNotFound)
        let file = directory.file("a")
        _ = try fileSystem.open(file, .create)
        #expect(errorCode { _ = try fileSystem.open(file + "/b", .create) } == .fileNotFound)
    }

    @Test func errorsSayWhatTheSystemSaid() throws {
        let path = directory.file("none")
        let error = try #require(storageError { _ = try fileSystem.open(path, .readWrite) })
        #expect(error.code == .fileNotFound)
        #expect(error.path == path)
        #expect(error.systemCode == csio_errno_no_entry())
        #expect(error.description.contains("No such file"))
        #expect(error.message == "Can't open the file: it does not exist; check the path.")
    }

    @Test func moreThanTheDiskHoldsIsRefusedAndChangesNothing() throws {
        let file = try fileSystem.open(directory.file("a"), .create)
        try file.writeBytes([1, 2, 3])
        let code = errorCode { try file.preallocate(1 << 60, at: 0) }
        #expect(code == .diskFull || code == .fileTooLarge)
        #expect(try file.readAll() == [1, 2, 3])
    }

    @Test func filesAreForTheirOwnerAlone() throws {
        let path = directory.file("a")
        _ = try fileSystem.open(path, .create)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    /// A descriptor must not be closed, and its number given to another file, under a call.
    @Test func closingUnderCallsIsSafe() throws {
        for round in 0..<20 {
            let file = try fileSystem.open(directory.file("\(round)"), .create)
            try file.writeBytes([UInt8](repeating: 7, count: 4096))
            let reader = try SystemThread {
                while let bytes = try? file.readBytes(4096), bytes.first == 7 {}
            }
            file.close()
            let other = try fileSystem.open(directory.file("other"), .create)
            reader.join()
            #expect(try other.size() == 0)
            #expect(errorCode { _ = try file.size() } == .closed)
        }
    }
}
