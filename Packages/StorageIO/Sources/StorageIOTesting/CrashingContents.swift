import StorageIO

/// A file's content in a ``CrashingFileSystem``: what is durable, what a reader sees, and the
/// changes between the two.
final class CrashingContents: @unchecked Sendable {
    // Sendable: everything in it is only touched under the file system's lock.

    /// A write, with the whole sectors that it touched as they were after it: a sector that reaches
    /// the disk holds all that was written to it until then, since the system's cache writes whole
    /// sectors.
    struct Write {
        var offset: UInt64
        var end: UInt64
        /// The first sector's offset, and the bytes from there.
        var start: UInt64
        var sectors: [UInt8]

        var sectorsEnd: UInt64 { start + UInt64(sectors.count) }
    }

    /// A change since the last sync.
    struct Change {
        enum Kind {
            case write(Write)
            /// Cut or extended to this size.
            case resize(UInt64)
            /// Extended over space that was reserved.
            case preallocate(from: UInt64, to: UInt64)
        }
        /// The number of the operation that made it: the order over all files.
        var number: Int
        var kind: Kind

        var isWrite: Bool { if case .write = kind { true } else { false } }
    }

    /// What the last successful sync made durable.
    private(set) var durable: MemoryImage
    /// What reads see: `durable` with all of `pending` applied; and after a failed sync perhaps
    /// changes that it lost, as long as they stay cached.
    private(set) var current: MemoryImage
    /// The changes since the last sync, in order.
    private(set) var pending: [Change] = []
    /// Whether `current` holds what a failed sync lost.
    private var isStale = false
    /// What each sector held before it was last written, as far as that was kept.
    private(set) var previous = MemoryImage()
    var locks = FileLockTable()

    /// A file all of whose content is durable.
    init(_ image: MemoryImage = MemoryImage()) {
        durable = image
        current = image
    }

    /// The same content, durable and not, without the locks.
    init(copying other: CrashingContents) {
        durable = other.durable
        current = other.current
        pending = other.pending
        isStale = other.isStale
        previous = other.previous
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, number: Int) {
        if buffer.count == 0 { return }
        unsafe current.write(buffer, at: offset)
        let end = offset + UInt64(buffer.count)
        let mask = SurvivalPlan.sectorSize - 1
        let start = offset & ~mask
        let sectorsEnd = (end + mask) & ~mask
        let sectors =
            start == offset && sectorsEnd == end
            ? unsafe [UInt8](buffer) : current.bytes(start, Int(sectorsEnd - start))
        let write = Write(offset: offset, end: end, start: start, sectors: sectors)
        pending.append(Change(number: number, kind: .write(write)))
    }

    func resize(to size: UInt64, number: Int) {
        if size == current.size { return }
        current.resize(to: size)
        pending.append(Change(number: number, kind: .resize(size)))
    }

    func preallocate(from start: UInt64, to size: UInt64, number: Int) {
        if size <= current.size { return }
        current.resize(to: size)
        pending.append(Change(number: number, kind: .preallocate(from: start, to: size)))
    }

    var image: FileImage {
        FileImage(
            durable: durable.bytes(0, Int(durable.size)),
            current: current.bytes(0, Int(current.size)))
    }

    func sync() {
        durable = isStale ? withPending() : current
        pending = []
    }

    /// What is durable, with all that was changed since.
    private func withPending() -> MemoryImage {
        var plan = SurvivalPlan(.all, seed: 0, numbers: [], writes: [])
        return surviving(&plan)
    }

    /// A sync that failed: by `survival` some of the changes have reached the medium; the rest is
    /// lost for good, and no later sync brings it back. Readers see the loss at once, or, with
    /// `isCached`, not before ``evict()``. Only the size stays as it was, as a change that is still
    /// pending.
    func failSync(_ survival: Survival, isCached: Bool, number: Int) {
        let size = current.size
        let writes = pending.filter(\.isWrite).map(\.number)
        var plan = SurvivalPlan(
            survival, seed: UInt64(number), numbers: pending.map(\.number), writes: writes)
        durable = surviving(&plan)
        pending = []
        if isCached {
            isStale = true
            if durable.size != size {
                pending.append(Change(number: number, kind: .resize(size)))
            }
        } else {
            current = durable
            resize(to: size, number: number)
        }
    }

    /// Forgets what is cached and was lost: readers see the medium from now on.
    func evict() {
        if !isStale { return }
        current = withPending()
        isStale = false
    }

    /// Keeps what is there before a write there.
    func keep(_ offset: UInt64, _ count: Int) {
        let start = offset / SurvivalPlan.sectorSize * SurvivalPlan.sectorSize
        let old = current.bytes(start, Int(offset - start) + count)
        unsafe old.withUnsafeBytes { unsafe previous.write($0, at: start) }
    }

    /// Rot: changes bytes on the medium and in the cache alike.
    func damage(_ bytes: [UInt8], at offset: UInt64) {
        unsafe bytes.withUnsafeBytes {
            unsafe current.write($0, at: offset)
            if offset + UInt64(bytes.count) <= durable.size { unsafe durable.write($0, at: offset) }
        }
    }

    /// What a crash now leaves, by `plan`.
    func surviving(_ plan: inout SurvivalPlan) -> MemoryImage {
        if pending.isEmpty { return durable }
        if plan.keepsAll && !isStale { return current }
        let sizeChanges = plan.begin(pending)
        var image = durable
        for (index, change) in pending.enumerated() {
            let isSizeKept = index < sizeChanges
            switch change.kind {
            case .resize(let size): if isSizeKept { image.resize(to: size) }
            case .preallocate(let start, let size):
                guard isSizeKept && size > image.size else { continue }
                let reserved = max(image.size, start)..<size
                image.resize(to: size)
                plan.fillReserved(reserved, in: &image)
            case .write(let write):
                if isSizeKept && write.end > image.size {
                    let gap = max(image.size, write.offset)..<write.end
                    image.resize(to: write.end)
                    plan.fillGap(gap, in: &image, of: current)
                }
                plan.forEachSurvivingRun(write, of: change.number) { run in
                    let end = min(run.upperBound, image.size)
                    guard run.lowerBound < end else { return }
                    let part =
                        Int(run.lowerBound - write.start)..<Int(end - write.start)
                    unsafe write.sectors.withUnsafeBytes {
                        unsafe image.write(
                            UnsafeRawBufferPointer(rebasing: $0[part]), at: run.lowerBound)
                    }
                }
            }
        }
        return image
    }
}
