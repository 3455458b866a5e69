import StorageIO

// Version 2: a checksummed header, then checksummed blocks. A block's checksum goes on from the one
// before, so it vouches for everything from the stream's first byte: no block can be lost, repeated
// or moved unseen, and no byte of a block is used before its checksum is right.
extension ExportReader {
    /// Reads the rest of the header, whose first twelve bytes are given.
    func readBlockHeader(after prefix: [UInt8]) throws(StorageError) {
        var header = prefix
        guard try take(ExportLayout.headerByteCount - prefix.count, into: &header) else {
            throw cut("in its header")
        }
        let end = ExportLayout.headerByteCount - ExportLayout.checksumByteCount
        try checkSeal(of: header, end: end, "its header's checksum is wrong")
        guard header.exportedInteger(at: 12, as: UInt32.self) == ExportLayout.headerGuard else {
            throw damage("its header is wrong")
        }
        let flags = header.exportedInteger(at: 16, as: UInt32.self)
        guard flags == 0 else {
            throw StorageError(
                .unsupportedFormat,
                "The export uses a feature this program does not know (flags \(flags)); use a newer one.",
                offset: 16)
        }
    }

    /// The next event of the blocks.
    func readBlockEvent() throws(StorageError) -> ExportEvent {
        while true {
            if blockPosition < block.count { return try readBlockEntry() }
            switch try readBlock() {
            case .table: return try readTableName()
            case .entries:
                guard tableCount > 0 else { throw damage("entries come before any table") }
                guard !block.isEmpty else { throw damage("a block of entries is empty") }
            case .continuation: throw damage("a value goes on that never began")
            case .end: return try readEnd()
            case .description: return try readDescription()
            }
        }
    }

    private func readTableName() throws(StorageError) -> ExportEvent {
        guard block.count <= ExportLayout.maximumKeyLength else {
            throw damage("a table name is \(block.count) bytes long")
        }
        guard tableCount == 0 || tableName.lexicographicallyPrecedes(block) else {
            throw damage("its tables are out of order")
        }
        tableName = block
        tableCount += 1
        entriesBefore = entryCount
        isDescribed = false
        blockPosition = block.count
        return .table(tableName)
    }

    private func readDescription() throws(StorageError) -> ExportEvent {
        guard !tableName.isEmpty, !block.isEmpty, entryCount == entriesBefore, !isDescribed
        else {
            throw damage("it says what a table holds where that has no place")
        }
        do throws(StorageError) {
            _ = try withByteView(of: block) { bytes throws(StorageError) in
                try TableDescription(bytes)
            }
        } catch {
            guard error.code == .damaged else { throw error }
            throw damage("what it says about a table's types is malformed")
        }
        isDescribed = true
        blockPosition = block.count
        return .description(block)
    }

    private func readBlockEntry() throws(StorageError) -> ExportEvent {
        guard block.count - blockPosition >= ExportLayout.entryHeadByteCount else {
            throw damage("entry \(entryCount + 1) does not fit its block")
        }
        let (keyLength, valueLength) = try entryLengths(block, at: blockPosition)
        blockPosition += ExportLayout.entryHeadByteCount
        guard block.count - blockPosition >= keyLength else {
            throw damage("entry \(entryCount + 1) does not fit its block")
        }
        recycleEntry()
        key.append(contentsOf: block[blockPosition..<(blockPosition + keyLength)])
        blockPosition += keyLength
        if leavesValue(valueLength) {
            entryCount += 1
            return .entry(key: key, value: [])
        }
        let inPlace = min(valueLength, block.count - blockPosition)
        value.append(contentsOf: block[blockPosition..<(blockPosition + inPlace)])
        blockPosition += inPlace
        while value.count < valueLength {
            guard try readBlock() == .continuation else {
                throw damage("the value of entry \(entryCount + 1) does not go on")
            }
            guard !block.isEmpty, block.count <= valueLength - value.count else {
                throw damage("the value of entry \(entryCount + 1) has a wrong length")
            }
            value.append(contentsOf: block)
            blockPosition = block.count
        }
        entryCount += 1
        return .entry(key: key, value: value)
    }

    /// Lends the next bytes of a long value: those in the block of its entry, then a block each time.
    func passBlockPortion(
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        if blockPosition == block.count {
            guard try readBlock() == .continuation else {
                throw damage("the value of entry \(entryCount) does not go on")
            }
            guard !block.isEmpty, block.count <= longValueRest else {
                throw damage("the value of entry \(entryCount) has a wrong length")
            }
        }
        let count = min(longValueRest, block.count - blockPosition)
        try withByteView(of: block) { bytes throws(StorageError) in
            try body(bytes.dropFirst(blockPosition).prefix(count))
        }
        blockPosition += count
        longValueRest -= count
    }

    private func readEnd() throws(StorageError) -> ExportEvent {
        guard block.count == ExportLayout.endPayloadByteCount else {
            throw damage("its end block is \(block.count) bytes long")
        }
        guard block.exportedInteger(at: 0, as: UInt64.self) == entryCount,
            block.exportedInteger(at: 8, as: UInt64.self) == tableCount
        else { throw damage("its counts don't match what it holds") }
        guard try isAtEnd() else { throw damage("bytes follow its end") }
        return .end(entryCount: entryCount)
    }

    /// Reads a whole block into `block` and checks it.
    private func readBlock() throws(StorageError) -> ExportLayout.BlockKind {
        block.removeAll(keepingCapacity: true)
        blockPosition = 0
        var bytes: [UInt8] = []
        swap(&bytes, &block)
        guard try take(ExportLayout.blockHeadByteCount, into: &bytes) else {
            throw cut("after entry \(entryCount)")
        }
        let kind = bytes.exportedInteger(at: 0, as: UInt32.self)
        // The length is only believed within the format's bound until the checksum vouches for it.
        let length = Int(bytes.exportedInteger(at: 4, as: UInt32.self))
        guard length <= ExportLayout.maximumPayloadByteCount else {
            throw damage("a block is \(length) bytes long, more than any may be")
        }
        guard try take(length + ExportLayout.checksumByteCount, into: &bytes) else {
            throw cut("in a block after entry \(entryCount)")
        }
        let end = ExportLayout.blockHeadByteCount + length
        try checkSeal(of: bytes, end: end, "the checksum after entry \(entryCount) is wrong")
        guard let known = ExportLayout.BlockKind(rawValue: kind) else {
            throw StorageError(
                .unsupportedFormat,
                "The export has a block of kind \(kind), which this program does not know; use a newer one.",
                offset: offset)
        }
        bytes.removeLast(ExportLayout.checksumByteCount)
        bytes.removeFirst(ExportLayout.blockHeadByteCount)
        swap(&bytes, &block)
        return known
    }

    /// Checks the checksum that stands at `end`, which goes on from the one before.
    private func checkSeal(of bytes: [UInt8], end: Int, _ what: String) throws(StorageError) {
        checksum = withByteView(of: bytes) { CRC32C.checksum($0.prefix(end), seed: checksum) }
        guard bytes.exportedInteger(at: end, as: UInt32.self) == checksum else {
            throw damage(what)
        }
    }
}
