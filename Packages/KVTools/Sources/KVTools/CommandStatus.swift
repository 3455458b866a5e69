import StorageIO

/// What `kvtools` exits with. `Docs/ExitCodes.md` has the table; a test holds the two together.
public enum CommandStatus: Int32, Sendable, CaseIterable {
    /// Done.
    case success = 0
    /// What was asked for is not there.
    case notFound = 1
    /// The file is damaged, cut, empty or not one of ours.
    case damaged = 3
    /// Another handle or process holds the database.
    case locked = 4
    /// Reading or writing failed, or the file can't be reached.
    case inputOutput = 5
    /// The file was written in a format newer than this program knows.
    case unsupportedFormat = 6
    /// The command or what was given to it makes no sense.
    case usage = 64

    /// The status for an engine's error.
    public init(_ code: StorageError.Code) {
        switch code {
        case .tableNotFound: self = .notFound
        case .notADatabase, .emptyFile, .truncated, .damaged: self = .damaged
        case .locked, .timedOut, .busy: self = .locked
        case .unsupportedFormat: self = .unsupportedFormat
        case .keyTooLong, .valueTooLong, .invalidArgument, .notSorted: self = .usage
        case .inputOutput, .diskFull, .fileNotFound, .fileExists, .permissionDenied, .readOnly,
            .closed, .poisoned, .outOfMemory, .fileTooLarge, .ambiguousName,
            .positionRecycled, .undecodable, .unencodable, .wrongType,
            .notUnique, .wrongIndexes:
            self = .inputOutput
        }
    }
}
