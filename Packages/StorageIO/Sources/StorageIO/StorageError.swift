/// The one error that every engine layer throws.
///
/// It says what went wrong (`code`), what a person can do about it (`message`), and where: file,
/// page, offset, log sequence number. One type for all layers, because an error crosses four of
/// them on its way up: wrapping it at each would cost code and hide what the bottom layer knew.
public struct StorageError: Error, Sendable {
    /// What went wrong, as a program tells errors apart. Raw values are stable.
    public enum Code: UInt8, Sendable {
        /// The system reported an error of reading, writing or syncing.
        case inputOutput = 1
        /// No space is left on the device, or a quota is used up.
        case diskFull
        /// The file does not exist.
        case fileNotFound
        /// The file exists already.
        case fileExists
        /// The system's access rights forbid it.
        case permissionDenied
        /// A write to something opened read-only, or on a read-only file system.
        case readOnly
        /// Another handle or process holds the file.
        case locked
        /// The file is not one of ours.
        case notADatabase
        /// The file has no content at all.
        case emptyFile
        /// The file ends before its content does.
        case truncated
        /// A checksum or a structure is wrong.
        case damaged
        /// The file was written in a format newer than this code knows.
        case unsupportedFormat
        /// A key is longer than the limit.
        case keyTooLong
        /// A value is longer than the limit.
        case valueTooLong
        /// An argument or option makes no sense.
        case invalidArgument
        /// The handle is closed.
        case closed
        /// An earlier write or sync failed; the handle refuses to write until it is reopened.
        case poisoned
        /// A wait took longer than the caller allows.
        case timedOut
        /// No address space, memory, thread or file descriptor is left.
        case outOfMemory
        /// The file can't grow beyond the size given at open, or beyond what the system allows.
        case fileTooLarge
        /// Keys of sorted input don't ascend.
        case notSorted
        /// A named table does not exist.
        case tableNotFound
        /// The handle is still in use.
        case busy
        /// Name and file don't belong together one to one: a second name, a symbolic link where
        /// none may be, or another file where this one was.
        case ambiguousName
        /// The log has given away what was to be read: it begins later by now.
        case positionRecycled
        /// Stored bytes can't be read as the type that was asked for.
        case undecodable
        /// A value can't be turned into bytes.
        case unencodable
        /// A table holds keys or values of another type, or of another version of it.
        case wrongType
        /// A row would have the same key in a unique index as another one.
        case notUnique
        /// A table is kept with other indexes than those that it was asked for with.
        case wrongIndexes
    }

    /// What went wrong.
    public var code: Code
    /// What happened and what to do, for a person.
    public var message: String
    /// The file it happened on.
    public var path: String?
    /// The page it happened on.
    public var page: UInt32?
    /// The byte offset in the file it happened at.
    public var offset: UInt64?
    /// The log sequence number it happened at.
    public var logSequenceNumber: UInt64?
    /// The system's error number, 0 when the system had no part in it.
    public var systemCode: Int32
    /// The error that led to this one.
    public var cause: Cause?

    /// Returns whether there was no room for what was to be written: a full disk, a used-up quota, or the
    /// limit to a file's size, be it the system's or the one given at open. Nothing is broken then:
    /// what makes the content smaller goes on, and makes room again.
    public var isOutOfSpace: Bool { code == .diskFull || code == .fileTooLarge }

    /// Holds the cause of an error; a class, since a struct can't contain itself.
    public final class Cause: Sendable {
        /// The error that came first.
        public let error: StorageError

        /// Boxes `error`.
        public init(_ error: StorageError) { self.error = error }
    }

    /// Creates an error; all but the code and the message may be left out.
    public init(
        _ code: Code, _ message: String, path: String? = nil, page: UInt32? = nil,
        offset: UInt64? = nil, logSequenceNumber: UInt64? = nil, systemCode: Int32 = 0,
        cause: StorageError? = nil
    ) {
        self.code = code
        self.message = message
        self.path = path
        self.page = page
        self.offset = offset
        self.logSequenceNumber = logSequenceNumber
        self.systemCode = systemCode
        if let cause { self.cause = Cause(cause) }
    }
}
