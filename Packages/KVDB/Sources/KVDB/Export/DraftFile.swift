import StorageIO

/// A file that gets its name when it is whole: until then it is a draft beside it. A crash leaves at most the
/// draft, which the next try takes over.
///
/// Used by one thread.
final class DraftFile<Files: FileSystem> {
    private let files: Files
    /// As the caller wrote it, for errors.
    private let given: String
    private let path: String
    private let draft: String
    private let handle: Files.Handle
    private var offset: UInt64 = 0

    /// Begins a file that ``commit()`` puts at `path`. A symbolic link there is followed.
    ///
    /// - Parameters:
    ///   - path: its name.
    ///   - files: where it is.
    ///   - magic: what its drafts begin with: one that does so is a leftover of a crash, and its place is taken.
    /// - Throws: `locked` while another thread or process makes the same file, `fileExists` for another file in the
    ///   draft's place, and what opening a file throws.
    init(_ path: String, on files: Files, magic: [UInt8]) throws(StorageError) {
        self.files = files
        given = path
        self.path = try files.resolve(path)
        draft = Self.draft(of: self.path)
        do throws(StorageError) {
            try Self.requireReplaceable(self.path, on: files)
        } catch {
            throw Self.named(error, self.path, as: path)
        }
        do throws(StorageError) {
            handle = try files.open(draft, .create, beside: nil)
        } catch {
            throw Self.named(error, draft, as: path)
        }
        do throws(StorageError) {
            try takeOver(magic)
        } catch {
            handle.close()
            throw Self.named(error, draft, as: path)
        }
    }

    /// Where the draft of a file is.
    static func draft(of path: String) -> String { path + "-draft" }

    /// Throws where something else than a file would be replaced: a folder, a pipe, a device; and `locked` for a file
    /// that somebody writes to, such as an open database.
    private static func requireReplaceable(
        _ path: String, on files: Files
    ) throws(StorageError) {
        guard try files.exists(path) else { return }
        let target = try files.open(path, .readOnly)
        defer { target.close() }
        try target.lock(exclusive: false)
    }

    /// Makes the draft this handle's own and empty.
    private func takeOver(_ magic: [UInt8]) throws(StorageError) {
        try handle.lock(exclusive: true)
        guard try files.isInPlace(handle, at: draft) else {
            throw StorageError(
                .locked, "Another export to the same file has just ended; try again.", path: given)
        }
        let size = try handle.size()
        guard size > 0 else { return }
        var beginning = [UInt8](repeating: 0, count: magic.count)
        let count = try beginning.read(handle, at: 0)
        guard magic.starts(with: beginning.prefix(count)) else {
            throw StorageError(
                .fileExists,
                "A file with other content is where the draft of the export would be; move it away.",
                path: draft)
        }
        try handle.truncate(to: 0)
    }

    /// Appends bytes.
    func write(_ bytes: RawSpan) throws(StorageError) {
        do throws(StorageError) {
            let position = offset
            try unsafe bytes.withUnsafeBytes { buffer throws(StorageError) in
                try unsafe handle.write(buffer, at: position)
            }
            offset += UInt64(bytes.byteCount)
        } catch {
            throw Self.named(error, draft, as: given)
        }
    }

    /// Makes what was written durable and gives it its name, in place of a file that has it.
    func commit() throws(StorageError) {
        do throws(StorageError) {
            try handle.sync()
            try files.rename(draft, to: path, replacing: true)
            handle.close()
            try files.syncDirectory(of: path)
        } catch {
            throw Self.named(error, draft, as: given)
        }
    }

    /// Removes what was written; only where ``commit()`` was not called or threw.
    func abandon() {
        // The name first: as long as the handle is open, the draft is this one's.
        do throws(StorageError) {
            if try files.isInPlace(handle, at: draft), try files.exists(draft) {
                try files.remove(draft)
            }
        } catch {}
        handle.close()
    }

    /// An error with the name that the caller knows.
    private static func named(
        _ error: StorageError, _ draft: String, as given: String
    ) -> StorageError {
        guard error.code != .fileExists, let path = error.path, path.utf8.elementsEqual(draft.utf8)
        else { return error }
        var error = error
        error.path = given
        return error
    }
}

extension [UInt8] {
    /// Reads at `offset` of a file until the array is full or the file ends. Returns how many bytes.
    mutating func read(_ file: some File, at offset: UInt64) throws(StorageError) -> Int {
        var failure: StorageError?
        let count = unsafe withUnsafeMutableBytes { buffer in
            do throws(StorageError) {
                return try unsafe file.read(into: buffer, at: offset)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return count
    }
}
