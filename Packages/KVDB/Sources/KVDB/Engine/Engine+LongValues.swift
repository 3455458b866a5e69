import BTree
import PageStore
import StorageIO

/// A value on its way into the running transaction, portion by portion.
final class ValueDraft {
    // Used by the holder of the writer lock alone.
    /// The value's length in bytes.
    let count: Int
    /// How many of them were written so far.
    fileprivate(set) var writtenCount = 0
    /// What a short value has gathered.
    fileprivate var bytes: [UInt8] = []
    /// The pages of a long one.
    fileprivate let run: RunDraft?
    /// The transaction that it is of.
    fileprivate let session: UInt64
    /// Why it can't be finished.
    fileprivate var failure: StorageError?
    fileprivate var isOver = false

    fileprivate init(count: Int, run: RunDraft?, session: UInt64) {
        self.count = count
        self.run = run
        self.session = session
        if run == nil { bytes.reserveCapacity(count) }
    }
}

// Values that are put portion by portion. A short one is gathered and put like any other. The bytes of a long one go
// to pages of the data file at once, and not through the log: its transaction commits by a checkpoint, as one does
// whose operations outgrow the log's limit. No other change comes between the begin of a value and its end.
extension Engine {
    /// Values of more bytes are written to their pages as they come.
    static var gatheredByteCount: Int { 256 << 10 }

    /// Begins to put a value.
    ///
    /// - Throws: `keyTooLong`, `valueTooLong`; `invalidArgument` for a negative length, and in a table with indexes;
    ///   `wrongType`, `busy`, `diskFull`, `fileTooLarge`. Nothing has changed then.
    func beginValue(
        _ key: ByteView, count: Int, in table: TableReference
    ) throws(StorageError) -> ValueDraft {
        try requireLegal(key: key)
        try requireLegal(valueCount: count)
        guard table.indexes == nil else {
            throw StorageError(
                .invalidArgument,
                "A row of a table with indexes is put as a whole, since they are made from it.",
                path: path)
        }
        try requireKind(try place(for: table), table.kind)
        try beginChange()
        let isLong = count > Self.gatheredByteCount
        let run = isLong ? try store.beginRun(byteCount: count) : nil
        writer.iterations += 1
        return ValueDraft(count: count, run: run, session: writer.session)
    }

    private func requireLegal(valueCount count: Int) throws(StorageError) {
        guard count >= 0 else {
            throw StorageError(.invalidArgument, "A value can't have \(count) bytes.", path: path)
        }
        guard count <= TreeLimits.maximumValueLength else {
            throw StorageError(
                .valueTooLong,
                "The value has \(count) bytes; at most \(TreeLimits.maximumValueLength) are allowed.",
                path: path)
        }
    }

    /// Writes the next bytes of a value. After an error it can't be finished.
    func append(_ bytes: ByteView, to draft: ValueDraft) throws(StorageError) {
        if let failure = draft.failure { throw failure }
        do throws(StorageError) {
            try requireRunning(draft)
            guard bytes.count <= draft.count - draft.writtenCount else {
                throw wrongCount(draft, "more")
            }
            if let run = draft.run {
                try store.write(bytes, to: run)
            } else {
                unsafe draft.bytes.append(contentsOf: bytes.buffer)
            }
            draft.writtenCount += bytes.count
        } catch {
            draft.failure = error
            throw error
        }
    }

    /// Puts a value whose bytes are all there.
    ///
    /// - Throws: `invalidArgument` while bytes are missing, and the error of an ``append(_:to:)`` before: nothing has
    ///   changed then; as ``put(_:_:table:kind:)``.
    func finish(
        _ draft: ValueDraft, _ key: ByteView, in table: TableReference
    ) throws(StorageError) {
        let run: PageNumber?
        do throws(StorageError) {
            try requireRunning(draft)
            if let failure = draft.failure { throw failure }
            guard draft.writtenCount == draft.count else { throw wrongCount(draft, "fewer") }
            run = if let run = draft.run { try store.finishRun(run) } else { nil }
        } catch {
            abandon(draft)
            throw error
        }
        end(draft)
        let id = try place(for: table)
        guard let run else {
            return try withByteView(of: draft.bytes) { value throws(StorageError) in
                try put(key, value, table: id, kind: table.kind)
            }
        }
        do throws(StorageError) {
            try change { () throws(StorageError) in
                let place = try writer.create(id)
                noteKind(place, table.kind)
                _ = try writer.change(at: place) { tree throws(StorageError) in
                    try tree.put(key, run: run, byteCount: draft.count)
                }
                writer.operations.leaveOut()
                writer.isChanged = true
            }
        } catch {
            // What is refused before it begins leaves a transaction that may still commit.
            if writer.failure == nil, let run = draft.run { store.abandonRun(run) }
            throw error
        }
    }

    /// Gives up a value: nothing has changed.
    func abandon(_ draft: ValueDraft) {
        guard !draft.isOver else { return }
        // Where the transaction is over, its pages are free already.
        if writer.session == draft.session, let run = draft.run { store.abandonRun(run) }
        end(draft)
    }

    private func end(_ draft: ValueDraft) {
        draft.isOver = true
        writer.iterations -= 1
    }

    private func requireRunning(_ draft: ValueDraft) throws(StorageError) {
        guard !draft.isOver, writer.session == draft.session else {
            throw StorageError(
                .closed, "The transaction that the value belongs to has ended.", path: path)
        }
    }

    private func wrongCount(_ draft: ValueDraft, _ how: String) -> StorageError {
        StorageError(
            .invalidArgument,
            "The value was said to have \(draft.count) bytes, and \(how) were written. Nothing was changed.",
            path: path)
    }
}

extension RunningTable {
    /// Puts a value that `body` writes.
    func put(
        for key: RawSpan, count: Int,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        let core = engine.core
        try withByteView(of: key) { key throws(Database.Failure) in
            let draft = try step { () throws(StorageError) in
                try core.beginValue(key, count: count, in: table)
            }
            do throws(Database.Failure) {
                var writer = LongValueWriter(table: self, draft: draft)
                try body(&writer)
            } catch {
                abandon(draft)
                throw error
            }
            do throws(StorageError) {
                try step { () throws(StorageError) in
                    try core.finish(draft, key, in: table)
                }
            } catch {
                abandon(draft)
                throw error
            }
        }
    }

    private func abandon(_ draft: ValueDraft) {
        do throws(StorageError) {
            try step { engine.core.abandon(draft) }
        } catch {
            // The transaction has ended meanwhile, and the pages with it.
            engine.core.abandon(draft)
        }
    }
}

extension TableSource {
    /// Puts a value that `body` writes, in the transaction or in one of its own.
    @usableFromInline
    func put(
        for key: RawSpan, count: Int, durability: Database.Durability? = nil,
        _ body: (inout LongValueWriter) throws(Database.Failure) -> Void
    ) throws(Database.Failure) {
        try changing(durability: durability) { table throws(Database.Failure) in
            try table.put(for: key, count: count, body)
        }
    }
}
