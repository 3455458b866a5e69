import CLZ4
import KVDB
import StorageIO

/// Packs a stream into one standard LZ4 frame with a content checksum: what `lz4 -d` unpacks.
@safe public final class LZ4FrameEncoder {
    // Safe: the context lives as long as the encoder, and every buffer's true size goes with it.
    private let context: OpaquePointer
    private var preferences: LZ4F_preferences_t
    private let output: any ByteOutput
    private var packed: [UInt8]
    private var hasBegun = false

    /// As much of the stream as is packed at once.
    private static let pieceByteCount = 65_536

    /// An encoder into `output`. Nothing is written before the first call.
    ///
    /// - Throws: `outOfMemory`.
    public init(_ output: any ByteOutput) throws(StorageError) {
        var context: OpaquePointer?
        let result = unsafe LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(result) == 0, let context = unsafe context else {
            throw StorageError(.outOfMemory, "No memory is left to pack the export.")
        }
        unsafe self.context = context
        self.output = output
        preferences = LZ4F_preferences_t()
        // Linked blocks see 64 KiB back across their borders, so small ones pack nearly as well as
        // large ones, and neither side needs more than half a megabyte.
        preferences.frameInfo.blockSizeID = LZ4F_max256KB
        preferences.frameInfo.blockMode = LZ4F_blockLinked
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        let bound = unsafe LZ4F_compressBound(Self.pieceByteCount, &preferences)
        packed = [UInt8](repeating: 0, count: bound + 64)
    }

    deinit { unsafe _ = LZ4F_freeCompressionContext(context) }

    /// Packs the next bytes.
    public func write(_ bytes: ByteView) throws(StorageError) {
        try begin()
        var rest = bytes
        while rest.count > 0 {
            let piece = rest.prefix(Self.pieceByteCount)
            rest = rest.dropFirst(piece.count)
            let count = unsafe packed.withUnsafeMutableBytes { packed in
                unsafe LZ4F_compressUpdate(
                    context, packed.baseAddress, packed.count, piece.start, piece.count, nil)
            }
            try send(count)
        }
    }

    /// Ends the frame.
    public func finish() throws(StorageError) {
        try begin()
        let count = unsafe packed.withUnsafeMutableBytes { packed in
            unsafe LZ4F_compressEnd(context, packed.baseAddress, packed.count, nil)
        }
        try send(count)
    }

    private func begin() throws(StorageError) {
        guard !hasBegun else { return }
        hasBegun = true
        let count = unsafe packed.withUnsafeMutableBytes { packed in
            unsafe LZ4F_compressBegin(context, packed.baseAddress, packed.count, &preferences)
        }
        try send(count)
    }

    private func send(_ count: Int) throws(StorageError) {
        guard LZ4F_isError(count) == 0 else {
            throw StorageError(.inputOutput, "LZ4 can't pack: \(LZ4FrameDecoder.reason(count)).")
        }
        let output = output
        try withByteView(of: packed) { bytes throws(StorageError) in
            try output.write(bytes.prefix(count))
        }
    }
}
