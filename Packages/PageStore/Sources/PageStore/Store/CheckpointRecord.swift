/// What a superblock says beyond the store's own affairs: where the state of one version begins.
public struct CheckpointRecord: Sendable, Equatable {
    /// The version that was written.
    public var transaction: TransactionNumber
    /// The root of the catalog tree; 0 when there is none.
    public var catalogRoot: PageNumber
    /// The height of the catalog tree in levels.
    public var catalogHeight: UInt8
    /// How many entries the catalog has.
    public var catalogCount: UInt64
    /// The log sequence number to replay from.
    public var logPosition: UInt64
    /// Whether a log was in use when the checkpoint was written.
    public var usesLog: Bool
    /// Whether the log was to be removed after this checkpoint, as on a clean close. Where a log was
    /// in use and this is false, the log must be there at the next open.
    public var endsLog: Bool

    /// A record; without arguments that of an empty database.
    public init(
        transaction: TransactionNumber = 0, catalogRoot: PageNumber = 0, catalogHeight: UInt8 = 0,
        catalogCount: UInt64 = 0, logPosition: UInt64 = 0, usesLog: Bool = false,
        endsLog: Bool = false
    ) {
        self.transaction = transaction
        self.catalogRoot = catalogRoot
        self.catalogHeight = catalogHeight
        self.catalogCount = catalogCount
        self.logPosition = logPosition
        self.usesLog = usesLog
        self.endsLog = endsLog
    }
}
