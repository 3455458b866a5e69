import StorageIO
import Synchronization

extension FilePageStore {
    /// Writes an empty store to an empty file, durably, and opens it. The file's name is the caller's to
    /// make durable (`FileSystem.syncDirectory(of:)`); ``create(files:path:options:record:identifier:check:)``
    /// does that too.
    ///
    /// A power cut in it leaves a whole store, or a file that another `create` takes.
    ///
    /// - Parameters:
    ///   - file: open for writing, and empty: of size 0, or as a creation left it that a crash cut short.
    ///     It stays the caller's to close when this throws.
    ///   - options: as for ``open(on:options:check:)``.
    ///   - record: what the first superblock says.
    ///   - identifier: what to tell the store by.
    ///   - check: the structure check for tree nodes entering the cache.
    /// - Throws: `fileExists` when the file has content, `locked`, `diskFull`, `readOnly`,
    ///   `inputOutput`.
    public static func create(
        on file: Handle, options: PageStoreOptions = PageStoreOptions(),
        record: CheckpointRecord = CheckpointRecord(), identifier: StoreIdentifier = .random(),
        check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore {
        if options.locksFile { try file.lock(exclusive: true) }
        guard try isBlank(file) else {
            throw StorageError(
                .fileExists, "The file has content; a new database needs an empty one.",
                path: file.path)
        }
        // Zeros first, durably: then all that a power cut can leave is zeros, or the one sector that the
        // superblock is in, whatever else may show in space that is new to a file.
        try file.truncate(to: UInt64(2 * PageLayout.pageSize))
        try file.sync()
        let superblock = Superblock(
            identifier: identifier, generation: 1, record: record, pageCount: 2)
        // The zeros of the other slot are written too: it would be a hole else, and the first checkpoint fail on
        // a full disk.
        let buffer = PageBuffer(pageCount: 2)
        superblock.encode(into: buffer.page(0), slot: 0)
        try unsafe file.write(buffer.bytes.buffer, at: 0)
        try file.sync()
        var options = options
        options.securesSuperblock = false
        return try open(on: file, options: options, check: check)
    }

    /// Whether a file holds nothing that anybody could miss: no byte, or what a creation that was cut
    /// short can leave, at most two pages of zeros.
    static func isBlank(_ file: Handle) throws(StorageError) -> Bool {
        let size = try file.size()
        if size == 0 { return true }
        guard size <= UInt64(2 * PageLayout.pageSize) else { return false }
        let buffer = PageBuffer(pageCount: 2)
        let count = try unsafe file.read(
            into: buffer.buffer(byteCount: 2 * PageLayout.pageSize), at: 0)
        let bytes = buffer.bytes.prefix(count)
        for index in 0..<bytes.count where bytes[index] != 0 { return false }
        return true
    }

    /// Opens a store on a file that is open: takes its lock, chooses the newest valid superblock, reads
    /// the free list, and, unless only to read, makes the superblock durable. The file's name is the
    /// caller's to make durable; ``open(files:path:options:check:)`` does that too.
    ///
    /// - Parameters:
    ///   - file: open for writing, or only for reading where the options say so. It stays the caller's
    ///     to close when this throws.
    ///   - options: see ``PageStoreOptions``; what opening does can be turned off there.
    ///   - check: the structure check for tree nodes entering the cache.
    /// - Throws: `locked`, `emptyFile`, `truncated`, `notADatabase`, `unsupportedFormat`, `damaged`,
    ///   `fileTooLarge`, `outOfMemory`, `readOnly`, `inputOutput`.
    public static func open(
        on file: Handle, options: PageStoreOptions = PageStoreOptions(),
        check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore {
        if options.locksFile { try file.lock(exclusive: !options.readOnly) }
        let store = try read(file, options, check)
        if options.securesSuperblock, !options.readOnly { try store.secureSuperblock() }
        return store
    }

    private static func read(
        _ file: Handle, _ options: PageStoreOptions, _ check: @escaping PageCheck
    ) throws(StorageError) -> FilePageStore {
        let size = try file.size()
        let chosen = try chooseSuperblock(file, size: size)
        let superblock = chosen.superblock
        guard size >= UInt64(superblock.pageCount) << UInt64(PageLayout.pageShift) else {
            throw StorageError(
                .truncated,
                "The file is shorter than its superblock says; restore it from a copy.",
                path: file.path, offset: size)
        }
        let memory = try PageMemory(
            sizeLimit: options.sizeLimit, cacheBudget: options.cacheBudget,
            fileByteCount: UInt64(superblock.pageCount) << UInt64(PageLayout.pageShift))
        guard superblock.pageCount <= memory.pageLimit else {
            throw PageProblem.fileTooLarge(memory, path: file.path)
        }
        try memory.open(through: Int(superblock.pageCount))
        let filePages = Int(min(size >> UInt64(PageLayout.pageShift), UInt64(memory.pageLimit)))
        let list = FreeListSurvey(file, superblock, filePages: filePages)
        if let fault = list.fault {
            if case .unreadable(let error) = fault.flaw { throw error }
            throw StorageError(.damaged, fault.message, path: file.path, page: fault.page)
        }
        let space = FileSpace(
            file, PageTable(memory), superblock: superblock, durableSlot: chosen.slot, list: list,
            filePages: filePages, holePages: try holePages(file, of: superblock.pageCount),
            isReadOnly: options.readOnly)
        return FilePageStore(
            file, options, check, space, otherSlotDamaged: chosen.otherSlotDamaged)
    }

    /// How many of a file's pages are not on the disk. A file system that compresses, or that counts late, has
    /// fewer on the disk too; so a file is taken as full of holes only if hardly anything of it is there.
    private static func holePages(
        _ file: Handle, of pageCount: PageNumber
    ) throws(StorageError) -> Int {
        guard let allocated = try file.status()?.allocatedByteCount else { return 0 }
        let present = Int(clamping: allocated >> UInt64(PageLayout.pageShift))
        return present < Int(pageCount) / 16 ? Int(pageCount) - present : 0
    }

    private static func chooseSuperblock(
        _ file: Handle, size: UInt64
    ) throws(StorageError) -> (superblock: Superblock, slot: Int, otherSlotDamaged: Bool) {
        guard size > 0 else {
            throw StorageError(
                .emptyFile, "The file is empty: no database, not even an empty one.",
                path: file.path)
        }
        let buffer = PageBuffer(pageCount: 2)
        let count = try unsafe file.read(
            into: buffer.buffer(byteCount: 2 * PageLayout.pageSize), at: 0)
        let slots = (0..<2).map { Superblock.decode(buffer.page($0), slot: PageNumber($0)) }
        let choice = SuperblockChoice(slots) { buffer.page($0).isIntact }
        if choice.isOfLaterFormat { throw newerFormat(file) }
        if choice.isContradictory {
            throw StorageError(
                .damaged, "The two superblocks can't be of one database; salvage it.",
                path: file.path, page: 0)
        }
        if let (superblock, slot) = choice.newest {
            return (superblock, slot, choice.isOtherSlotDamaged)
        }
        // The rest of a cut file is zero in the buffer. Before the magic, page number and kind tell
        // ours from others'.
        let looksOurs =
            slots.contains(.damaged)
            || (count < SuperblockLayout.magic + 8 && count > PageLayout.kind
                && buffer.page(0).number == 0
                && buffer.page(0).rawKind == PageKind.superblock.rawValue)
        guard looksOurs else {
            throw StorageError(
                .notADatabase, "The file is something else, not a database of this kind.",
                path: file.path)
        }
        if count < 2 * PageLayout.pageSize {
            throw StorageError(
                .truncated, "The file is cut off within its superblocks; restore it from a copy.",
                path: file.path, offset: size)
        }
        throw StorageError(
            .damaged, "Both superblocks are damaged; restore the file from a copy, or salvage it.",
            path: file.path, page: 0)
    }

    private static func newerFormat(_ file: Handle) -> StorageError {
        StorageError(
            .unsupportedFormat,
            "The file was written by a newer version in a format unknown here; update to open it.",
            path: file.path)
    }
}
