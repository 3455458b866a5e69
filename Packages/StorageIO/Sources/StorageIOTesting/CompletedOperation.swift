import StorageIO

/// What a call on a ``CrashingFileSystem`` has done, for those who watch the order of things.
public struct CompletedOperation: Sendable {
    /// The call.
    public let operation: FileOperation
    /// The error that it throws; nil when it succeeded.
    public let error: StorageError.Code?
    /// What was written: all of it, or of a write that failed its beginning.
    public let bytes: [UInt8]
    /// The new name that a rename gave.
    public let newPath: String?
    /// After a sync that failed, what became of the file.
    public let image: FileImage?

    /// A completed call, as the file system tells it or a test makes it up.
    public init(
        _ operation: FileOperation, error: StorageError.Code? = nil, bytes: [UInt8] = [],
        newPath: String? = nil, image: FileImage? = nil
    ) {
        self.operation = operation
        self.error = error
        self.bytes = bytes
        self.newPath = newPath
        self.image = image
    }
}

/// The two contents that a file has.
public struct FileImage: Sendable {
    /// What a power cut leaves at least.
    public let durable: [UInt8]
    /// What readers see.
    public let current: [UInt8]

    /// A file's contents.
    public init(durable: [UInt8], current: [UInt8]) {
        self.durable = durable
        self.current = current
    }
}
