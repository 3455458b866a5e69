import CLZ4
import StorageIO

/// Unpacks LZ4 frames, one or several after another; skippable frames are skipped.
@safe public final class LZ4FrameDecoder: ByteInput {
    // Safe: the context lives as long as the decoder, and every buffer's true size goes with it.
    private let context: OpaquePointer
    private let input: any ByteInput
    private var packed = [UInt8](repeating: 0, count: 65_536)
    private var position = 0
    private var end = 0
    private var inputEnded = false
    /// Whether a frame has begun and not ended.
    private var isInsideFrame = false

    /// A decoder of `input`, which is at the start of a frame.
    ///
    /// - Throws: `outOfMemory`.
    public init(_ input: any ByteInput) throws(StorageError) {
        var context: OpaquePointer?
        let result = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(result) == 0, let context = unsafe context else {
            throw StorageError(.outOfMemory, "No memory is left to unpack the file.")
        }
        unsafe self.context = context
        self.input = input
    }

    deinit { unsafe _ = LZ4F_freeDecompressionContext(context) }

    /// What must be looked at to know a frame by its header.
    static let longestHeaderByteCount = 19

    /// Whether a stream that begins with these bytes is an LZ4 frame, or a skippable one, by its magic
    /// number.
    public static func recognises(_ head: [UInt8]) -> Bool {
        head.starts(with: [0x04, 0x22, 0x4D, 0x18])
            || head.count >= 4 && 0x50...0x5F ~= head[0]
                && head[1...].starts(with: [0x2A, 0x4D, 0x18])
    }

    /// Whether a stream that begins with these bytes is an LZ4 frame, or a skippable one.
    ///
    /// - Parameters:
    ///   - head: the first ``longestHeaderByteCount`` bytes, or all if there are fewer.
    ///   - surely: whether the magic number is proof enough. Otherwise the whole header must be right: a
    ///     text may begin with any bytes.
    /// - Throws: `notADatabase` for frames that only the `lz4` command unpacks.
    static func recognises(
        _ head: [UInt8], surely: Bool
    ) throws(StorageError) -> Bool {
        if head.starts(with: [0x02, 0x21, 0x4C, 0x18]) {
            guard surely else { return false }
            throw StorageError(
                .notADatabase,
                "This is an LZ4 frame of the legacy format (lz4 -l), which kvtools does not read. "
                    + "Unpack it: `lz4 -dc FILE | kvtools import DB -`.")
        }
        guard recognises(head) else { return false }
        // A skippable frame has nothing that could be wrong.
        guard head[0] == 0x04 else { return true }
        guard let dictionary = try dictionaryNumber(head) else { return surely }
        guard dictionary == 0 else {
            throw StorageError(
                .notADatabase,
                "The LZ4 frame was packed with a dictionary (number \(dictionary)), which kvtools has "
                    + "not. Unpack it: `lz4 -D DICTIONARY -dc FILE | kvtools import DB -`.")
        }
        return true
    }

    /// The number of the dictionary that the frame needs, 0 for none; nil when the header is wrong or
    /// cut.
    private static func dictionaryNumber(_ head: [UInt8]) throws(StorageError) -> UInt32? {
        var context: OpaquePointer?
        let made = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(made) == 0, let context = unsafe context else {
            throw StorageError(.outOfMemory, "No memory is left to unpack the file.")
        }
        defer { unsafe _ = LZ4F_freeDecompressionContext(context) }
        var frame = LZ4F_frameInfo_t()
        var count = head.count
        let result = unsafe head.withUnsafeBytes { bytes in
            unsafe LZ4F_getFrameInfo(context, &frame, bytes.baseAddress, &count)
        }
        return LZ4F_isError(result) == 0 ? frame.dictID : nil
    }

    /// The next plain bytes.
    ///
    /// - Throws: `truncated` when the input ends inside a frame, `damaged` when a checksum or the
    ///   structure is wrong, and what the input throws.
    public func read(into buffer: inout [UInt8]) throws(StorageError) -> Int {
        while true {
            if position == end && !inputEnded {
                position = 0
                end = try input.read(into: &packed)
                inputEnded = end == 0
            }
            let available = end - position
            if available == 0 && !isInsideFrame { return 0 }

            var taken = available
            var made = buffer.count
            let hint = unsafe buffer.withUnsafeMutableBytes { plain in
                unsafe packed.withUnsafeBytes { packed in
                    unsafe LZ4F_decompress(
                        context, plain.baseAddress, &made,
                        packed.baseAddress.map { unsafe $0 + position }, &taken, nil)
                }
            }
            guard LZ4F_isError(hint) == 0 else {
                throw StorageError(
                    .damaged,
                    "The LZ4 frame is damaged (\(Self.reason(hint))), or was packed with a dictionary; "
                        + "fetch or export the file again."
                )
            }
            position += taken
            // The hint is how many bytes LZ4 would like next: none at a frame's end.
            isInsideFrame = hint != 0
            if made > 0 { return made }
            if available == 0 {
                throw StorageError(
                    .truncated, "The LZ4 frame is cut off; fetch or export the file again.")
            }
        }
    }

    /// LZ4's name for an error.
    static func reason(_ result: Int) -> String {
        // The names are constants of the library.
        guard let name = unsafe LZ4F_getErrorName(result) else { return "unknown" }
        return unsafe String(cString: name)
    }
}
