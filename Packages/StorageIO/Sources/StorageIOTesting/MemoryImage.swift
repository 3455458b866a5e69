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

    /// Writes all of `buffer`; the range must end within ``limit``.
    mutating func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) {
        guard let source = buffer.baseAddress, buffer.count > 0 else { return }
        var done = 0
        while done < buffer.count {
            let index = (Int(offset) + done) / Self.chunkSize
            let within = (Int(offset) + done) % Self.chunkSize
            let part = min(buffer.count - done, Self.chunkSize - within)
            while chunks.count <= index { chunks.append(nil) }
            if chunks[index] == nil {
                chunks[index] = [UInt8](repeating: 0, count: Self.chunkSize)
            }
            unsafe chunks[index]!.withUnsafeMutableBytes { chunk in
                unsafe (chunk.baseAddress! + within).copyMemory(
                    from: source + done, byteCount: part)
            }
            done += part
        }
        size = max(size, offset + UInt64(buffer.count))
    }

    /// Writes the bytes of `range` as they are in `other`; nothing beyond this image's size.
    mutating func copy(_ range: Range<UInt64>, from other: MemoryImage) {
        let end = min(range.upperBound, size)
        guard range.lowerBound < end else { return }
        let count = Int(end - range.lowerBound)
        unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { buffer in
            let copied = unsafe other.read(into: buffer, at: range.lowerBound)
            unsafe write(UnsafeRawBufferPointer(rebasing: buffer[..<copied]), at: range.lowerBound)
        }
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
}
