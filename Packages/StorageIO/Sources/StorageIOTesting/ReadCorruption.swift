import StorageIO

/// How a read that succeeds may give other bytes than those last written. It is about one block of at
/// most 4 KiB of what is read, aligned in the file.
public enum ReadCorruption: Int, Sendable, CaseIterable {
    /// One bit of the block is flipped.
    case flippedBit
    /// The block is as it was before its sectors were last written: a lost write.
    case stale
    /// The block is one from elsewhere in the file: a misdirected read or write.
    case misdirected
    /// The block reads as zeros.
    case zeros
}

extension CrashingFileSystem {
    struct ReadFault {
        var number: Int
        var corruption: ReadCorruption
        var forever: Bool
    }

    /// Makes a read give wrong bytes without an error.
    ///
    /// - Parameters:
    ///   - number: which one, counted from 1 among all reads. For a stale read ask before the writes
    ///     whose loss is meant: what a sector held before is only kept from then on.
    ///   - corruption: what is wrong with the bytes.
    ///   - forever: whether the medium keeps them, until they are written again; otherwise only this
    ///     read is wrong.
    public func corruptRead(
        _ number: Int, _ corruption: ReadCorruption, forever: Bool = false
    ) {
        lock.withLock {
            readFaults.append(
                ReadFault(number: number, corruption: corruption, forever: forever))
            if corruption == .stale { keepsHistory = true }
        }
    }

    /// How many reads have given other bytes than they should have.
    public var corruptedReadCount: Int { lock.withLock { corruptedReads } }

    /// Spoils what was just read into `buffer`, if it is this read's turn. Under the lock.
    func corrupt(
        _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, of contents: CrashingContents
    ) {
        let number = counts[FileOperation.Kind.read.rawValue.trailingZeroBitCount]
        guard buffer.count > 0, let fault = readFaults.first(where: { $0.number == number }) else {
            return
        }
        let blockSize: UInt64 = 4096
        var random = SeededRandom(seed: UInt64(number))
        let end = offset + UInt64(buffer.count)
        let first = offset / blockSize
        let block = first + UInt64(random.below(Int((end - 1) / blockSize - first) + 1))
        let start = max(offset, block * blockSize)
        let range = Int(start - offset)..<Int(min(end, (block + 1) * blockSize) - offset)
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[range])
        let before = unsafe [UInt8](target)
        var bytes = before
        switch fault.corruption {
        case .flippedBit: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        case .stale: bytes = contents.previous.bytes(start, bytes.count)
        case .zeros: bytes = [UInt8](repeating: 0, count: bytes.count)
        case .misdirected:
            // Another block of the file; where there is none, another place in this one.
            let blocks = max(1, Int(contents.current.size / blockSize))
            let other = UInt64(random.below(blocks))
            let from = other == block ? start ^ 512 : other * blockSize + start % blockSize
            bytes = contents.current.bytes(from, bytes.count)
        }
        if bytes == before { return }
        corruptedReads += 1
        unsafe target.copyBytes(from: bytes)
        if fault.forever { contents.damage(bytes, at: start) }
    }
}
