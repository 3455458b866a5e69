import StorageIO

/// Where an import reads values that are too long to be taken as a whole.
#if !hasFeature(Embedded)
    @_spi(Engine)
#endif
public struct LongValueInput {
    /// The length of the value whose entry was read last, if its bytes are still to be read; nil otherwise.
    public let count: () -> Int?
    /// Lends the next of its bytes. Returns false at the end.
    public let read: (_ body: (ByteView) throws(StorageError) -> Void) throws(StorageError) -> Bool

    /// Reads what two closures give.
    public init(
        count: @escaping () -> Int?,
        read:
            @escaping (
                _ body: (ByteView) throws(StorageError) -> Void
            ) throws(StorageError) -> Bool
    ) {
        self.count = count
        self.read = read
    }

    /// Reads long values of an export, of which `reader` gives the keys alone from now on.
    public init(_ reader: ExportReader) {
        reader.longestWholeValue = 256 << 10
        self.init(
            count: { reader.longValueCount },
            read: { body throws(StorageError) in try reader.readPortion(body) })
    }
}
