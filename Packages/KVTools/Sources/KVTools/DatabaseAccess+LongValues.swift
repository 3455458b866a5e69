@_spi(Engine) import KVDB
import StorageIO

// Values that are too long to be taken as a whole.
extension DatabaseAccess {
    /// Longer values are read and written in portions.
    static let wholeByteCount = 256 << 10

    /// A value that was found.
    enum FoundValue {
        /// There is none.
        case missing
        /// All of a short one.
        case whole([UInt8])
        /// A long one, whose portions were lent.
        case lent
    }

    /// Reads a value: returns a short one, and lends a long one portion by portion.
    func get(
        _ key: [UInt8], table: String, portion body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) -> FoundValue {
        let snapshot = try engine.snapshot()
        try require(table, in: snapshot)
        var gathered: [UInt8] = []
        var isLong = false
        let isFound = try snapshot.readValue(of: key, table: table) {
            portion throws(StorageError) in
            if !isLong, gathered.count + portion.count <= Self.wholeByteCount {
                gathered += portion.array
                return
            }
            if !isLong {
                isLong = true
                try withByteView(of: gathered) { bytes throws(StorageError) in try body(bytes) }
                gathered = []
            }
            try body(portion)
        }
        return !isFound ? .missing : isLong ? .lent : .whole(gathered)
    }

    /// Puts what `value` holds.
    func put(_ key: [UInt8], _ value: SpooledValue, table: String) throws(StorageError) {
        let transaction = try engine.begin()
        try transaction.put(key, count: value.count, table: table) { write throws(StorageError) in
            try value.forEachPortion(write)
        }
        try transaction.commit()
    }
}

/// A value from an input that does not say how long it is. A long one waits in a file that has no name any more.
final class SpooledValue {
    /// The number of its bytes.
    private(set) var count = 0
    /// The first of them.
    private var head: [UInt8] = []
    /// The others.
    private var file: POSIXFile?

    /// Reads an input to its end.
    ///
    /// - Parameters:
    ///   - input: where the value comes from.
    ///   - path: the database. The file is made beside it, where there is room for the value.
    ///   - limits: how long it may be.
    /// - Throws: `valueTooLong` as soon as it is longer; what reading and writing it throws.
    init(
        _ input: any ByteInput, beside path: String, limits: EntryLimits
    ) throws(StorageError) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = try input.read(into: &buffer)
            if got == 0 { return }
            guard count + got <= limits.valueByteCount else {
                throw StorageError(
                    .valueTooLong,
                    "The value on standard input has more than \(limits.valueByteCount) bytes, which "
                        + "is the most that a value may have.")
            }
            if file == nil, count + got <= DatabaseAccess.wholeByteCount {
                head += buffer.prefix(got)
            } else {
                try append(buffer, got, beside: path)
            }
            count += got
        }
    }

    private func append(
        _ buffer: [UInt8], _ got: Int, beside path: String
    ) throws(StorageError) {
        let file: POSIXFile
        if let opened = self.file {
            file = opened
        } else {
            file = try Self.open(beside: path)
            self.file = file
        }
        let offset = UInt64(count - head.count)
        try withByteView(of: buffer) { bytes throws(StorageError) in
            try unsafe file.write(bytes.prefix(got).buffer, at: offset)
        }
    }

    private static func open(beside path: String) throws(StorageError) -> POSIXFile {
        let name = OutputName.temporary(path, "value")
        TemporaryFile.register([name])
        defer { TemporaryFile.unregister() }
        let files = POSIXFileSystem()
        do throws(StorageError) {
            let file = try files.open(name, .createNew)
            try files.remove(name)
            return file
        } catch {
            throw OutputName.named(error, name, as: path)
        }
    }

    deinit { file?.close() }

    /// Lends all bytes in order.
    func forEachPortion(
        _ body: (ByteView) throws(StorageError) -> Void
    ) throws(StorageError) {
        try withByteView(of: head) { bytes throws(StorageError) in try body(bytes) }
        guard let file else { return }
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: DatabaseAccess.wholeByteCount, alignment: 16)
        defer { unsafe room.deallocate() }
        var offset = head.count
        while offset < count {
            let wanted = min(room.count, count - offset)
            let got = try unsafe file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]),
                at: UInt64(offset - head.count))
            guard got > 0 else {
                throw StorageError(.truncated, "The value's temporary file was cut.")
            }
            try body(unsafe ByteView(UnsafeRawBufferPointer(rebasing: room[..<got])))
            offset += got
        }
    }
}
