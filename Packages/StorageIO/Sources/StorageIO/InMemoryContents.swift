/// The bytes of a file in memory, shared by its handles: chunks of 64 KiB, of which those never
/// written don't exist and read as zero. A write or read costs its bytes and no more, whatever the
/// file's size.
final class InMemoryContents: @unchecked Sendable {
    // Sendable: everything that changes is only touched under `lock`.
    private static let chunkSize = 65_536

    /// One chunk's memory. Safe: it never leaves the class around it, which frees it once, when it
    /// is cut off or in `deinit`, and stays inside its bounds.
    @safe private struct Chunk {
        let start: UnsafeMutableRawPointer

        init() {
            unsafe start = .allocate(byteCount: chunkSize, alignment: 4096)
            clear(from: 0)
        }

        func clear(from offset: Int) {
            unsafe (start + offset).initializeMemory(
                as: UInt8.self, repeating: 0, count: chunkSize - offset)
        }

        func deallocate() { unsafe start.deallocate() }
    }

    /// The largest file; the chunk table alone takes 128 MiB then.
    static let limit: UInt64 = 1 << 40

    private let lock = Lock()
    /// Guarded by `lock`. Bytes of a chunk beyond `size` are zero always.
    private var chunks: [Chunk?] = []
    /// The file's size in bytes. Guarded by `lock`.
    private var size: UInt64 = 0
    /// Who holds the file's lock. Guarded by `lock`.
    private var locks = FileLockTable()

    init() {}

    deinit {
        for chunk in chunks { chunk?.deallocate() }
    }

    var byteCount: UInt64 { lock.withLock { size } }

    /// Calls `body` with each part of a range that lies in one chunk: the chunk, where in it,
    /// where in the range, and how many bytes.
    private func forEachPart(
        _ offset: UInt64, _ count: Int, _ body: (Int, Int, Int, Int) -> Void
    ) {
        var done = 0
        while done < count {
            let position = Int(offset) + done
            let within = position % Self.chunkSize
            let part = min(count - done, Self.chunkSize - within)
            body(position / Self.chunkSize, within, done, part)
            done += part
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        lock.acquire()
        defer { lock.release() }
        guard let target = buffer.baseAddress, offset < size else { return 0 }
        let count = Int(min(UInt64(buffer.count), size - offset))
        forEachPart(offset, count) { chunk, within, done, part in
            if chunk < chunks.count, let source = chunks[chunk] {
                unsafe (target + done).copyMemory(from: source.start + within, byteCount: part)
            } else {
                unsafe (target + done).initializeMemory(as: UInt8.self, repeating: 0, count: part)
            }
        }
        return count
    }

    /// The range must end within ``limit``.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) {
        lock.acquire()
        defer { lock.release() }
        guard let source = buffer.baseAddress, buffer.count > 0 else { return }
        forEachPart(offset, buffer.count) { index, within, done, part in
            let chunk = chunk(index)
            unsafe (chunk.start + within).copyMemory(from: source + done, byteCount: part)
        }
        size = max(size, offset + UInt64(buffer.count))
    }

    /// The chunk at `index`, made when missing.
    private func chunk(_ index: Int) -> Chunk {
        while chunks.count <= index { chunks.append(nil) }
        if let chunk = chunks[index] { return chunk }
        let chunk = Chunk()
        chunks[index] = chunk
        return chunk
    }

    func resize(to newSize: UInt64) {
        lock.acquire()
        defer { lock.release() }
        if newSize < size {
            let keep = Int((newSize + UInt64(Self.chunkSize) - 1) / UInt64(Self.chunkSize))
            while chunks.count > keep { chunks.removeLast()?.deallocate() }
            let within = Int(newSize % UInt64(Self.chunkSize))
            if within > 0, chunks.count == keep { chunks[keep - 1]?.clear(from: within) }
        }
        size = newSize
    }

    /// Extends the file to `end` if it is shorter.
    func extend(to end: UInt64) {
        lock.withLock { size = max(size, end) }
    }

    func takeLock(handle: Int, exclusive: Bool, path: String) throws(StorageError) {
        lock.acquire()
        defer { lock.release() }
        if let conflict = locks.conflict(handle: handle, exclusive: exclusive, path: path) {
            throw conflict
        }
        locks.hold(handle: handle, exclusive: exclusive)
    }

    func dropLock(handle: Int) {
        lock.withLock { locks.drop(handle: handle) }
    }
}
