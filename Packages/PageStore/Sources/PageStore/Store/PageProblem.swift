import StorageIO

/// The errors that more than one store throws.
enum PageProblem {
    static func beyondEnd(_ page: PageNumber, path: String? = nil) -> StorageError {
        StorageError(
            .damaged, "A reference leads to a page outside the file; run verify.", path: path,
            page: page)
    }

    static func insideRun(_ page: PageNumber, path: String? = nil) -> StorageError {
        StorageError(
            .damaged, "A reference leads into the middle of an overflow run; run verify.",
            path: path, page: page)
    }

    static func free(_ page: PageNumber, path: String? = nil) -> StorageError {
        StorageError(
            .damaged, "A reference leads to a free page; run verify.", path: path, page: page)
    }

    static func noRun(_ page: PageNumber, path: String? = nil) -> StorageError {
        StorageError(
            .damaged, "A value should be here, but another or none is; run verify.", path: path,
            page: page)
    }

    static func valueTooLong() -> StorageError {
        StorageError(.valueTooLong, "The value is longer than 1 GiB.")
    }

    static func runOverfilled(path: String? = nil) -> StorageError {
        StorageError(
            .invalidArgument, "More bytes were written than the value was said to have.",
            path: path)
    }

    static func runUnderfilled(path: String? = nil) -> StorageError {
        StorageError(
            .invalidArgument, "Fewer bytes were written than the value was said to have.",
            path: path)
    }

    static func fileTooLarge(_ memory: PageMemory, path: String? = nil) -> StorageError {
        guard memory.isLimitedBySystem else {
            return StorageError(
                .fileTooLarge,
                "The database would outgrow the maximum file size; open it with a larger one.",
                path: path)
        }
        return StorageError(
            .fileTooLarge,
            "The database would outgrow the \(UInt64(memory.pageLimit) << UInt64(PageLayout.pageShift)) bytes of "
                + "addresses that the system had for it when it was opened, fewer than its maximum "
                + "file size; close other databases, or raise the process's limit, and open it again.",
            path: path)
    }

    /// A call that only makes sense inside a write transaction, without one.
    static func noTransaction(path: String? = nil) -> StorageError {
        StorageError(
            .invalidArgument, "No write transaction is running; begin one first.", path: path)
    }

    /// A call that only makes sense between write transactions, inside one.
    static func transactionRunning(path: String? = nil) -> StorageError {
        StorageError(
            .invalidArgument, "A write transaction is running already; commit or abort it first.",
            path: path)
    }

    /// A page of an older version, or of one that is committed, was to be changed where it is (R1).
    static func notBornNow(_ page: PageNumber, path: String? = nil) -> StorageError {
        StorageError(
            .invalidArgument,
            "The page was not born in a running write transaction; only a copy of it may change.",
            path: path, page: page)
    }

    static func notNewest() -> StorageError {
        StorageError(
            .invalidArgument, "A checkpoint must be of the newest committed transaction.")
    }
}
