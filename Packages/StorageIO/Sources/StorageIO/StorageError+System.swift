import CStorageIO

extension StorageError {
    /// The error for a failed system call.
    ///
    /// - Parameters:
    ///   - result: what the C function returned: a negated error number.
    ///   - action: what was tried, to follow "Can't": `write to the file`.
    static func system(
        _ result: Int64, _ action: StaticString, path: String, offset: UInt64? = nil
    ) -> StorageError {
        let number = Int32(truncatingIfNeeded: -result)
        let code: Code
        let reason: StaticString
        switch number {
        case csio_errno_no_space():
            (code, reason) = (
                .diskFull, "no space is left on the device; free some space, then try again."
            )
        case csio_errno_quota():
            (code, reason) = (
                .diskFull, "the disk quota is used up; free some space, then try again."
            )
        case csio_errno_file_too_big():
            (code, reason) = (.fileTooLarge, "the file system allows no file of that size.")
        case csio_errno_no_entry(), csio_errno_not_directory():
            (code, reason) = (.fileNotFound, "it does not exist; check the path.")
        case csio_errno_exists():
            (code, reason) = (.fileExists, "it exists already; choose another name or remove it.")
        case csio_errno_access(), csio_errno_not_permitted():
            (code, reason) = (
                .permissionDenied, "permission is denied; check the owner and the access rights."
            )
        case csio_errno_read_only():
            (code, reason) = (.readOnly, "the file system is mounted read-only.")
        case csio_errno_is_directory():
            (code, reason) = (.notADatabase, "it is a directory, not a file; check the path.")
        case csio_errno_loop():
            (code, reason) = (
                .ambiguousName,
                "it is a symbolic link, or links lead in a circle; put the file itself there."
            )
        case csio_errno_name_too_long():
            (code, reason) = (
                .inputOutput, "its name or its path is too long; choose a shorter one."
            )
        case csio_errno_too_many_files(), csio_errno_too_many_files_in_system():
            (code, reason) = (
                .outOfMemory,
                "too many files are open; close some, or raise the limit (ulimit -n)."
            )
        case csio_errno_bad_descriptor():
            (code, reason) = (
                .inputOutput,
                "its descriptor is closed or another file's; look for code that closes descriptors that are not its own, and reopen."
            )
        case csio_errno_io():
            (code, reason) = (.inputOutput, "the device failed; check it, then reopen.")
        case csio_errno_no_memory():
            (code, reason) = (.outOfMemory, "no memory is left.")
        default:
            (code, reason) = (
                .inputOutput, "the system reported an error."
            )
        }
        return StorageError(
            code, "Can't \(action): \(reason)", path: path, offset: offset, systemCode: number)
    }

    /// The error of a path that leads through a directory that is not there.
    static func noDirectory(_ directory: String, _ result: Int32, path: String) -> StorageError {
        StorageError(
            .fileNotFound, "Can't find or create the file: there is no directory \(directory).",
            path: path, systemCode: -result)
    }

    /// The error of every call on a closed handle.
    static func closedFile(_ path: String) -> StorageError {
        StorageError(.closed, "The file is closed; open it again to use it.", path: path)
    }

    /// The error of a write through a handle that may only read.
    static func readOnlyFile(_ path: String) -> StorageError {
        StorageError(
            .readOnly, "The file is opened to read only; open it for writing to change it.",
            path: path)
    }

    /// The error of a range that no file can have.
    static func unreachable(_ path: String, _ offset: UInt64) -> StorageError {
        StorageError(
            .fileTooLarge, "The file can't reach that far.", path: path, offset: offset)
    }

    /// The error of a path that names nothing.
    static func checkPath(_ path: String) throws(StorageError) {
        if path.utf8.isEmpty {
            throw StorageError(.invalidArgument, "The path is empty; give a file's path.")
        }
        if path.utf8.contains(0) {
            throw StorageError(.invalidArgument, "The path contains a zero byte.", path: path)
        }
    }
}
