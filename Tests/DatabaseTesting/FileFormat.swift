import StorageIO

/// The formats of Docs/FileFormat.md, NodeFormat.md and LogFormat.md once more, written from those
/// pages and not from the engine, with what a forger needs: where fields lie and how to seal them.
public enum PageFormat {
    public static let size = 4096
    public static let leaf: UInt8 = 1
    public static let inner: UInt8 = 2
    public static let overflow: UInt8 = 3
    public static let freeList: UInt8 = 4
    public static let superblock: UInt8 = 5

    /// The superblock's fields: offset and size.
    public static let superblockFields: [(offset: Int, size: Int)] = [
        (4, 4), (8, 8), (16, 1), (17, 1), (18, 2), (32, 8), (40, 4), (44, 4), (48, 4), (52, 4),
        (56, 8), (64, 8), (72, 8), (80, 8), (88, 8), (96, 8), (104, 4), (108, 1), (109, 1),
        (112, 4),
        (116, 4), (120, 4), (124, 4), (128, 8), (4088, 8),
    ]
    /// A node's.
    public static let nodeFields: [(offset: Int, size: Int)] = [
        (4, 4), (8, 8), (16, 1), (17, 1), (18, 2), (20, 2), (22, 2), (24, 2), (26, 2), (28, 4),
    ]
    /// A free-list page's.
    public static let freeListFields: [(offset: Int, size: Int)] = [
        (4, 4), (8, 8), (16, 1), (17, 1), (18, 2), (20, 4), (24, 4), (28, 4), (32, 4), (36, 4),
        (40, 4), (44, 4), (48, 4), (52, 4),
    ]
    /// An overflow run's.
    public static let overflowFields: [(offset: Int, size: Int)] = [
        (4, 4), (8, 8), (16, 1), (17, 1), (18, 2), (20, 4), (24, 4), (28, 4),
    ]

    public static func fields(of kind: UInt8) -> [(offset: Int, size: Int)] {
        switch kind {
        case superblock: superblockFields
        case freeList: freeListFields
        case overflow: overflowFields
        default: nodeFields
        }
    }

    /// Sets the checksums of a page, or of the overflow run that begins there.
    public static func seal(_ page: Int, in data: inout [UInt8]) {
        let start = page * size
        guard start + size <= data.count else { return }
        var end = start + size
        if data[start + 16] == overflow {
            data.put(data.checksum(start + 4..<start + 28), at: start + 28)
            let runEnd = start + 32 + data.u32(start + 20)
            if runEnd <= data.count { end = runEnd }
        }
        data.put(data.checksum(start + 4..<end), at: start)
    }
}

/// The log's.
public enum LogFormat {
    public static let headerSize = 64
    public static let frameSize = 32
    public static let headerFields: [(offset: Int, size: Int)] = [
        (0, 8), (8, 4), (12, 4), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8), (56, 4),
    ]
    public static let frameFields: [(offset: Int, size: Int)] = [
        (4, 4), (8, 8), (16, 8), (24, 4), (28, 4),
    ]

    /// The bytes that a frame with so much payload takes.
    public static func size(payload: Int) -> Int { (frameSize + payload + 7) & ~7 }

    /// Sets the checksum of the frame at `offset`, which is to be valid at `position`; its size, or
    /// nil when it does not fit the segment that ends at `limit`.
    public static func seal(
        frame offset: Int, at position: UInt64, limit: Int, in log: inout [UInt8]
    ) -> Int? {
        let length = size(payload: log.u32(offset + 4))
        guard offset + length <= min(limit, log.count) else { return nil }
        var head = [UInt8](repeating: 0, count: 8)
        head.put(position, at: 0)
        let seed = head.checksum(0..<8)
        log.put(log.checksum(offset + 4..<offset + length, seed: seed), at: offset)
        return length
    }

    /// Sets every checksum of a log: headers, and frames as far as their lengths lead.
    public static func seal(_ log: inout [UInt8], segmentSize: Int) {
        for start in stride(from: 0, to: log.count, by: segmentSize)
        where start + headerSize <= log.count {
            log.put(log.checksum(start..<start + 60), at: start + 60)
            let base = log.u64(start + 32) &* UInt64(segmentSize)
            var offset = headerSize
            while offset + frameSize <= segmentSize, log.u32(start + offset + 28) & ~3 == 0,
                log.u32(start + offset + 28) | log.u32(start + offset + 4) != 0,
                let length = seal(
                    frame: start + offset, at: base &+ UInt64(offset), limit: start + segmentSize,
                    in: &log)
            {
                offset += length
            }
        }
    }
}
