import StorageIO

/// A file's bytes as a value: copying one costs a reference, changing a copy costs the 4 KiB chunks
/// touched (and once the table of them). Chunks never written don't exist and read as zero.
struct MemoryImage: Sendable {
    private static let chunkSize = 4096
    /// The largest file; the chunk table alone takes 128 MiB then.
    static let limit: UInt64 = 1 << 36

    /// Bytes of a chunk beyond `size` are zero always.
    private var chunks: [[UInt8]?] = []
    private(set) var size: UInt64 = 0

    /// Reads until the buffer is full or the image ends; the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        guard let target = buffer.baseAddress, offset < size else { return 0 }
        let count = Int(min(UInt64(buffer.count), size - offset))
        var done = 0
        while done < count {
            let index = (Int(offset) + done) / Self.chunkSize
            let within = (Int(offset) + done) % Self.chunkSize
            let part = min(count - done, Self.chunkSize - within)
            if index < chunks.count, let chunk = chunks[index] {
                unsafe chunk.withUnsafeBytes { source in
                    unsafe (target + done).copyMemory(
                        from: source.baseAddress! + within, byteCount: part)
                }
            } else {
                unsafe (target + done).initializeMemory(as: UInt8.self, repeating: 0, count: part)
            }
            done += part
        }
        return count
    }

    /// `count` bytes from `offset`, zeros beyond the end.
    func bytes(_ offset: UInt64, _ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        _ = unsafe bytes.withUnsafeMutableBytes { unsafe read(into: $0, at: offset) }
        return bytes
    }

    /// Writes all of `buffer`; the range must end within ``limit``.
    mutating func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) {
        guard buffer.count > 0 else { return }
        let end = Int(offset) + buffer.count
        let chunkCount = (end + Self.chunkSize - 1) / Self.chunkSize
        if chunks.count < chunkCount {
            chunks.append(
                contentsOf: repeatElement(nil, count: chunkCount - chunks.count))
        }
        var done = 0
        while done < buffer.count {
            let index = (Int(offset) + done) / Self.chunkSize
            let within = (Int(offset) + done) % Self.chunkSize
            let part = min(buffer.count - done, Self.chunkSize - within)
            let source = unsafe UnsafeRawBufferPointer(rebasing: buffer[done..<done + part])
            done += part
            if part == Self.chunkSize {
                // Not through the old chunk: another image may share it, and it would be copied.
                unsafe chunks[index] = [UInt8](source)
                continue
            }
            if chunks[index] == nil {
                chunks[index] = [UInt8](repeating: 0, count: Self.chunkSize)
            }
            unsafe chunks[index]!.withUnsafeMutableBytes { chunk in
                unsafe (chunk.baseAddress! + within).copyMemory(
                    from: source.baseAddress!, byteCount: part)
            }
        }
        size = max(size, UInt64(end))
    }

    /// Cuts or extends with zeros.
    mutating func resize(to newSize: UInt64) {
        if newSize < size {
            let chunkSize = UInt64(Self.chunkSize)
            let keep = Int((newSize + chunkSize - 1) / chunkSize)
            if chunks.count > keep { chunks.removeLast(chunks.count - keep) }
            let within = Int(newSize % chunkSize)
            if within > 0, chunks.count == keep, chunks[keep - 1] != nil {
                for index in within..<Self.chunkSize { chunks[keep - 1]![index] = 0 }
            }
        }
        size = newSize
    }

    private static let zeroChecksum = checksum([UInt8](repeating: 0, count: chunkSize))

    private static func checksum(_ chunk: [UInt8]) -> UInt32 {
        unsafe chunk.withUnsafeBytes { unsafe CRC32C.checksum(ByteView($0)) }
    }

    /// A number for the content: equal for equal contents, hardly ever for others. O(size).
    var fingerprint: UInt64 {
        var hash = size
        for (index, chunk) in chunks.enumerated() {
            guard let chunk else { continue }
            let checksum = Self.checksum(chunk)
            // A chunk of zeros and one that does not exist are the same.
            if checksum == Self.zeroChecksum { continue }
            hash = (hash ^ (UInt64(checksum) << 32 | UInt64(index))) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash
    }
}
