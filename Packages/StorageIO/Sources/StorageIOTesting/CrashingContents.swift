import StorageIO

/// A file's content in a ``CrashingFileSystem``: what is durable, what a reader sees, and the
/// changes between the two.
final class CrashingContents: @unchecked Sendable {
    // Sendable: everything in it is only touched under the file system's lock.

    /// A change since the last sync.
    struct Change {
        enum Kind {
            /// These bytes written at this offset.
            case write(UInt64, [UInt8])
            /// Cut or extended to this size.
            case resize(UInt64)
        }
        /// The number of the operation that made it: the order over all files.
        var number: Int
        var kind: Kind
    }

    /// What the last successful sync made durable.
    private(set) var durable: MemoryImage
    /// What reads see: `durable` with all of `pending` applied.
    private(set) var current: MemoryImage
    /// The changes since the last sync, in order.
    private(set) var pending: [Change] = []
    var locks = FileLockTable()

    /// A file all of whose content is durable.
    init(_ image: MemoryImage = MemoryImage()) {
        durable = image
        current = image
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, number: Int) {
        if buffer.count == 0 { return }
        unsafe current.write(buffer, at: offset)
        unsafe pending.append(Change(number: number, kind: .write(offset, [UInt8](buffer))))
    }

    func resize(to size: UInt64, number: Int) {
        if size == current.size { return }
        current.resize(to: size)
        pending.append(Change(number: number, kind: .resize(size)))
    }

    func sync() {
        durable = current
        pending = []
    }

    /// A sync that failed: a subset of the changes has reached the medium, the rest is lost for
    /// good, also for readers, and no later sync brings it back. Only the size stays as it was, as
    /// a change that is still pending.
    func failSync(number: Int) {
        let size = current.size
        var plan = SurvivalPlan(.random, seed: UInt64(number), lastWrite: 0, numbers: [])
        durable = surviving(&plan)
        current = durable
        pending = []
        resize(to: size, number: number)
    }

    /// What a crash now leaves, by `plan`.
    func surviving(_ plan: inout SurvivalPlan) -> MemoryImage {
        if pending.isEmpty || plan.survival == .none { return durable }
        if plan.survival == .all { return current }
        let sizeChanges = plan.survivingSizeChanges(pending)
        var image = durable
        // A surviving sector holds all that was written to it until then, since the system's
        // cache writes whole sectors: so it is copied from the content at that moment.
        var content = durable
        for (index, change) in pending.enumerated() {
            let isSizeKept = index < sizeChanges
            switch change.kind {
            case .resize(let size):
                content.resize(to: size)
                if isSizeKept { image.resize(to: size) }
            case .write(let offset, let bytes):
                unsafe bytes.withUnsafeBytes { unsafe content.write($0, at: offset) }
                let end = offset + UInt64(bytes.count)
                if isSizeKept && end > image.size {
                    let old = image.size
                    image.resize(to: end)
                    if plan.survival == .garbage {
                        let garbage = plan.random.bytes(Int(end - max(old, offset)))
                        unsafe garbage.withUnsafeBytes {
                            unsafe image.write($0, at: max(old, offset))
                        }
                    }
                }
                plan.forEachSurvivingRun(offset..<end, of: change.number) {
                    image.copy($0, from: content)
                }
            }
        }
        return image
    }
}
