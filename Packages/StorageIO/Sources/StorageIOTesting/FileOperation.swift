/// One call on a ``CrashingFileSystem`` or a file of it, as it is counted.
public struct FileOperation: Sendable, CustomStringConvertible {
    /// What was called. A set, so that faults can be bound to several kinds.
    public struct Kind: OptionSet, Sendable, Hashable {
        /// One bit for each kind.
        public let rawValue: UInt16

        /// The kinds whose bits are set.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// `FileSystem.open`.
        public static let open = Kind(rawValue: 1)
        /// `File.read`.
        public static let read = Kind(rawValue: 2)
        /// `File.write`.
        public static let write = Kind(rawValue: 4)
        /// `File.sync`.
        public static let sync = Kind(rawValue: 8)
        /// `File.truncate`.
        public static let truncate = Kind(rawValue: 16)
        /// `File.preallocate`.
        public static let preallocate = Kind(rawValue: 32)
        /// `FileSystem.remove`.
        public static let remove = Kind(rawValue: 64)
        /// `FileSystem.rename`.
        public static let rename = Kind(rawValue: 128)
        /// `FileSystem.syncDirectory`.
        public static let syncDirectory = Kind(rawValue: 256)

        /// `File.size`. This one and the next two change nothing and are not among ``all``: they
        /// have no numbers and are not told of, but they can be counted and fail.
        public static let size = Kind(rawValue: 512)
        /// `FileSystem.exists`.
        public static let exists = Kind(rawValue: 1024)
        /// `File.lock`.
        public static let lock = Kind(rawValue: 2048)

        /// Every kind that has a number.
        public static let all = Kind(rawValue: 511)
        /// The kinds without a number.
        public static let looking: Kind = [.size, .exists, .lock]
        /// The kinds that change something or make it durable.
        public static let changing = all.subtracting([.open, .read])

        static let names = [
            "open", "read", "write", "sync", "truncate", "preallocate", "remove", "rename",
            "syncDirectory", "size", "exists", "lock",
        ]
    }

    /// Its number among all operations, the first being 1.
    public let number: Int
    /// What was called; exactly one kind.
    public let kind: Kind
    /// On which file.
    public let path: String
    /// Where in the file, or the new size for a truncate; 0 where neither makes sense.
    public let offset: UInt64
    /// How many bytes; 0 where that makes no sense.
    public let byteCount: Int

    /// A call.
    public init(number: Int, kind: Kind, path: String, offset: UInt64 = 0, byteCount: Int = 0) {
        self.number = number
        self.kind = kind
        self.path = path
        self.offset = offset
        self.byteCount = byteCount
    }

    /// `12: write my.db, 4096 bytes at 8192`.
    public var description: String {
        let name = Kind.names[kind.rawValue.trailingZeroBitCount]
        switch kind {
        case .read, .write, .preallocate:
            return "\(number): \(name) \(path), \(byteCount) bytes at \(offset)"
        case .truncate: return "\(number): \(name) \(path) to \(offset) bytes"
        default: return "\(number): \(name) \(path)"
        }
    }
}
