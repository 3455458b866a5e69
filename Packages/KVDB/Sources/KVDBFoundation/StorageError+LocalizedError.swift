import Foundation
import StorageIO

// Both names in full with the modules that declare them, since `@retroactive` is asked for where StorageIO is another
// package, and refused where it is the same one.
#if canImport(FoundationEssentials)
    import FoundationEssentials

    /// What an alert shows: what happened, and what the user of an app can do.
    extension StorageIO.StorageError: FoundationEssentials.LocalizedError {}
#else
    /// What an alert shows: what happened, and what the user of an app can do.
    extension StorageIO.StorageError: Foundation.LocalizedError {}
#endif

extension StorageError {
    /// What happened, with the message and the place.
    public var errorDescription: String? { description }

    /// Why, in a few words that depend on the code alone.
    public var failureReason: String? { code.texts.reason }

    /// What can be done, in a sentence that depends on the code alone.
    public var recoverySuggestion: String? { code.texts.suggestion }
}

extension StorageError.Code {
    /// Why it failed, and what can be done.
    var texts: (reason: String, suggestion: String) {
        switch self {
        case .inputOutput:
            ("The device or the system failed.", "Check the device, then open the database again.")
        case .diskFull:
            ("No space is left.", "Free some space, then try again. Nothing was lost.")
        case .fileNotFound: ("The file does not exist.", "Check the path, or create the database.")
        case .fileExists: ("The file exists already.", "Choose another name, or remove the file.")
        case .permissionDenied:
            ("Access is denied.", "Check who owns the file and who may read and write it.")
        case .readOnly: ("The file can only be read.", "Open it for writing, or copy it first.")
        case .locked:
            ("Another program uses the database.", "Close the other program, then try again.")
        case .notADatabase: ("The file is not a database.", "Check the path.")
        case .emptyFile: ("The file is empty.", "Remove it, or restore a backup.")
        case .truncated:
            ("The file ends too early.", "Copy it again from where it came, or restore a backup.")
        case .damaged:
            (
                "The file is damaged.",
                "Restore a backup, or save what is left of it into a new database (kvtools salvage)."
            )
        case .unsupportedFormat:
            ("A newer version wrote the file.", "Update the program, then try again.")
        case .keyTooLong: ("A key is too long.", "Use keys of at most 1,024 bytes.")
        case .valueTooLong: ("A value is too long.", "Store it in parts of at most 1 GiB.")
        case .invalidArgument: ("A setting makes no sense.", "Correct what the message names.")
        case .closed: ("The database is closed.", "Open it again.")
        case .poisoned:
            (
                "An earlier write failed.",
                "Open the database again. Everything that was acknowledged is there."
            )
        case .timedOut: ("It took too long.", "Try again later.")
        case .outOfMemory:
            ("The system has no memory or no files left.", "Close other programs, then try again.")
        case .fileTooLarge:
            ("The file has reached its size limit.", "Delete something, or raise the limit.")
        case .notSorted: ("The input is not sorted.", "Sort the entries by their keys.")
        case .tableNotFound: ("There is no such table.", "Check the name of the table.")
        case .busy:
            ("The database is in use.", "End its transactions and snapshots, then try again.")
        case .ambiguousName:
            ("The file has a second name.", "Use its only real name, and remove links to it.")
        case .positionRecycled:
            ("The log no longer reaches back so far.", "Read it from where it begins now.")
        case .undecodable:
            ("A stored value has another format.", "Update the program that reads it.")
        case .unencodable:
            ("A value can't be stored in its format.", "Correct the value, then try again.")
        case .wrongType:
            ("A table holds other types.", "Update the program, or copy the table into a new one.")
        case .notUnique:
            ("Another entry has the same value already.", "Choose another value, then try again.")
        case .wrongIndexes:
            ("A table is kept with other indexes.", "Update the program, or build them anew.")
        }
    }
}
