import StorageIO

/// The header of a frame, decoded.
struct FrameHeader {
    var length: Int
    var transaction: UInt64
    var syncedThrough: LogSequenceNumber
    var salt: UInt32
    var flags: UInt32

    var isFirst: Bool { flags & LogLayout.firstFragment != 0 }
    var isLast: Bool { flags & LogLayout.lastFragment != 0 }
    /// The size of the whole frame in bytes, padding included.
    var frameSize: Int { LogLayout.frameSize(payload: length) }

    /// Appends the frame, with its payload and padding, to `buffer`.
    func encode(payload: ByteView, at position: LogSequenceNumber, to buffer: LogBuffer) {
        let base = buffer.count
        buffer.appendZeros(LogLayout.frameHeaderSize)
        buffer.store(UInt32(length), at: base + LogLayout.frameLength)
        buffer.store(transaction, at: base + LogLayout.frameTransaction)
        buffer.store(syncedThrough, at: base + LogLayout.frameSyncedThrough)
        buffer.store(salt, at: base + LogLayout.frameSalt)
        buffer.store(flags, at: base + LogLayout.frameFlags)
        buffer.append(payload)
        buffer.appendZeros(frameSize - LogLayout.frameHeaderSize - payload.count)
        let checksum = Self.checksum(of: buffer.view(from: base), at: position)
        buffer.store(checksum, at: base + LogLayout.frameChecksum)
    }

    /// Reads the fields at the start of `bytes` and checks them against each other and against the
    /// room that is left, but not the checksum. nil when no frame can look like this.
    ///
    /// - Parameter bytes: from the frame's first byte to the segment's end.
    init?(_ bytes: ByteView, at position: LogSequenceNumber) {
        guard let length = bytes.load(at: LogLayout.frameLength, as: UInt32.self),
            let transaction = bytes.load(at: LogLayout.frameTransaction, as: UInt64.self),
            let syncedThrough = bytes.load(at: LogLayout.frameSyncedThrough, as: UInt64.self),
            let salt = bytes.load(at: LogLayout.frameSalt, as: UInt32.self),
            let flags = bytes.load(at: LogLayout.frameFlags, as: UInt32.self),
            salt != 0, flags <= LogLayout.firstFragment | LogLayout.lastFragment,
            UInt64(length) <= UInt64(LogLayout.maximumSegmentSize),
            LogLayout.frameSize(payload: Int(length)) <= bytes.count,
            syncedThrough <= position
        else { return nil }
        self.init(
            length: Int(length), transaction: transaction, syncedThrough: syncedThrough,
            salt: salt, flags: flags)
    }

    init(
        length: Int, transaction: UInt64, syncedThrough: LogSequenceNumber, salt: UInt32,
        flags: UInt32
    ) {
        self.length = length
        self.transaction = transaction
        self.syncedThrough = syncedThrough
        self.salt = salt
        self.flags = flags
    }

    /// Whether the stored checksum is that of the frame at `position` (R7).
    func checksumMatches(_ bytes: ByteView, at position: LogSequenceNumber) -> Bool {
        bytes.load(at: LogLayout.frameChecksum, as: UInt32.self)
            == Self.checksum(of: bytes.prefix(frameSize), at: position)
    }

    /// The checksum of a whole frame. It starts with the position, so that a frame is valid in one
    /// place of one segment only.
    static func checksum(of frame: ByteView, at position: LogSequenceNumber) -> UInt32 {
        var bytes = position.littleEndian
        // The pointer does not leave the closure.
        let seed = unsafe withUnsafeBytes(of: &bytes) { unsafe CRC32C.checksum(ByteView($0)) }
        return CRC32C.checksum(frame.dropFirst(LogLayout.frameLength), seed: seed)
    }
}
