import StorageIO
import Testing

@Suite struct StorageErrorTests {
    @Test func aBareErrorIsItsMessage() {
        let error = StorageError(.busy, "The handle is in use.")
        #expect(error.description == "The handle is in use.")
        #expect("\(error)" == "The handle is in use.")
        #expect(error.codeName == "busy")
        #expect(error.systemMessage == nil)
    }

    @Test func aFullErrorSaysWhereAndWhy() {
        let cause = StorageError(
            .diskFull, "Can't write.", path: "my.db-wal", offset: 8, systemCode: 28)
        let error = StorageError(
            .poisoned, "A write failed; open the database again.", path: "my.db", page: 7,
            offset: 28_672, logSequenceNumber: 99, cause: cause)
        let system = cause.systemMessage ?? ""
        #expect(!system.isEmpty)
        #expect(
            error.description == """
                A write failed; open the database again. (my.db, page 7, offset 28672, LSN 99); \
                caused by: Can't write. (my.db-wal, offset 8, system error 28: \(system))
                """)
    }

    /// Programs and scripts tell errors apart by these; they never change.
    @Test func namesAndNumbersAreStable() {
        let names = [
            "inputOutput", "diskFull", "fileNotFound", "fileExists", "permissionDenied",
            "readOnly", "locked", "notADatabase", "emptyFile", "truncated", "damaged",
            "unsupportedFormat", "keyTooLong", "valueTooLong", "invalidArgument", "closed",
            "poisoned", "timedOut", "outOfMemory", "fileTooLarge", "notSorted", "tableNotFound",
            "busy", "ambiguousName", "positionRecycled", "undecodable", "unencodable", "wrongType",
            "notUnique", "wrongIndexes",
        ]
        for (index, name) in names.enumerated() {
            let code = StorageError.Code(rawValue: UInt8(index + 1))
            #expect(code?.name == name)
            // The name is the case's own.
            if let code { #expect("\(code)" == name) }
        }
        #expect(StorageError.Code(rawValue: 0) == nil)
        #expect(StorageError.Code(rawValue: UInt8(names.count + 1)) == nil)
    }
}
