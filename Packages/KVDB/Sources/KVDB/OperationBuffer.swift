import BTree
import StorageIO

/// The operations of the running transaction, encoded as its log record while they happen.
struct OperationBuffer {
    private(set) var bytes: [UInt8] = []
    private var table: [UInt8] = []
    /// How many operations there were, logged or not.
    private(set) var operationCount: UInt64 = 0
    /// Whether the operations are still all here; false once they outgrew the limit.
    private(set) var isComplete = true
    /// The most bytes to hold.
    var limit: Int

    init(limit: Int) { self.limit = limit }

    /// Empties the buffer for the next transaction. Memory up to the usual size is kept.
    mutating func reset(logged: Bool) {
        if bytes.capacity > 1 << 20 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        table.removeAll(keepingCapacity: true)
        operationCount = 0
        isComplete = logged
    }

    /// Stops recording: the transaction will commit by a checkpoint.
    mutating func abandon() {
        isComplete = false
        bytes = []
    }

    private mutating func begin(_ table: [UInt8], adding byteCount: Int) -> Bool {
        operationCount += 1
        guard isComplete else { return false }
        if bytes.count + byteCount + table.count + 16 > limit {
            abandon()
            return false
        }
        if table != self.table {
            self.table = table
            append(.useTable)
            append(UInt16(table.count))
            bytes.append(contentsOf: table)
        }
        return true
    }

    private mutating func append(_ operation: LogOperation) { bytes.append(operation.rawValue) }

    private mutating func append(_ number: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: number))
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
    }

    private mutating func append(_ number: UInt32) {
        append(UInt16(truncatingIfNeeded: number))
        append(UInt16(truncatingIfNeeded: number >> 16))
    }

    private mutating func append(_ view: ByteView) {
        unsafe bytes.append(contentsOf: view.buffer)
    }

    mutating func put(_ table: [UInt8], _ key: ByteView, _ value: ByteView) {
        guard begin(table, adding: 7 + key.count + value.count) else { return }
        // The code, the key's length (u16) and the value's (u32): seven bytes in one piece.
        let header =
            UInt64(LogOperation.put.rawValue) | UInt64(key.count) << 8 | UInt64(value.count) << 24
        unsafe withUnsafeBytes(of: header.littleEndian) {
            unsafe bytes.append(contentsOf: $0.prefix(7))
        }
        append(key)
        append(value)
    }

    mutating func delete(_ table: [UInt8], _ key: ByteView) {
        guard begin(table, adding: 3 + key.count) else { return }
        append(.delete)
        append(UInt16(key.count))
        append(key)
    }

    mutating func deleteRange(_ table: [UInt8], _ range: KeyRange) {
        // A caller's bounds may have any length. One byte more than a key can have is enough: to every
        // key, such a bound is the same as what it is cut from.
        let from = range.from?.prefix(TreeLimits.maximumKeyLength + 1)
        let to = range.to?.prefix(TreeLimits.maximumKeyLength + 1)
        guard begin(table, adding: 6 + (from?.count ?? 0) + (to?.count ?? 0)) else { return }
        append(.deleteRange)
        bytes.append((from == nil ? 0 : 1) | (to == nil ? 0 : 2))
        for bound in [from, to] {
            guard let bound else { continue }
            append(UInt16(bound.count))
            bytes.append(contentsOf: bound)
        }
    }

    /// Makes sure the table exists after a replay, even when nothing is put into it.
    mutating func touchTable(_ table: [UInt8]) {
        _ = begin(table, adding: 0)
    }

    mutating func dropTable(_ name: [UInt8]) {
        guard begin(table, adding: 3 + name.count) else { return }
        append(.dropTable)
        append(UInt16(name.count))
        bytes.append(contentsOf: name)
        // A reader is back at the default table after a drop.
        table = []
    }
}

/// One operation read back from a log record. The views are valid as long as the record's payload.
enum ReplayedOperation {
    case put(key: ByteView, value: ByteView)
    case delete(key: ByteView)
    case deleteRange(from: ByteView?, to: ByteView?)
    case useTable(name: ByteView)
    case dropTable(name: ByteView)
}

/// Reads the operations of a log record in their order.
struct OperationReader {
    private let payload: ByteView
    private var offset = 0

    init(_ payload: ByteView) { self.payload = payload }

    private mutating func number<Value: FixedWidthInteger>(
        _ type: Value.Type
    ) throws(StorageError) -> Int {
        guard let value = payload.load(at: offset, as: type) else { throw malformed }
        offset += MemoryLayout<Value>.size
        return Int(value)
    }

    /// A key or a name, no longer than one can be.
    private mutating func key(_ count: Int) throws(StorageError) -> ByteView {
        guard count <= TreeLimits.maximumKeyLength else { throw malformed }
        return try bytes(count)
    }

    private mutating func name() throws(StorageError) -> ByteView {
        let name = try key(try number(UInt16.self))
        guard TableName.isLegal(name.array) else { throw malformed }
        return name
    }

    private mutating func bytes(_ count: Int) throws(StorageError) -> ByteView {
        guard count <= payload.count - offset else { throw malformed }
        defer { offset += count }
        return payload.dropFirst(offset).prefix(count)
    }

    private var malformed: StorageError {
        StorageError(
            .damaged, "A log record's operations are malformed at its byte \(offset).")
    }

    /// The next operation, nil at the end.
    ///
    /// - Throws: `damaged` when the payload is no sequence of operations.
    mutating func next() throws(StorageError) -> ReplayedOperation? {
        guard offset < payload.count else { return nil }
        let code = UInt8(try number(UInt8.self))
        guard let operation = LogOperation(rawValue: code) else { throw malformed }
        switch operation {
        case .put:
            let keyLength = try number(UInt16.self)
            let valueLength = try number(UInt32.self)
            let key = try key(keyLength)
            guard valueLength <= TreeLimits.maximumValueLength else { throw malformed }
            return .put(key: key, value: try bytes(valueLength))
        case .delete:
            return .delete(key: try key(try number(UInt16.self)))
        case .deleteRange:
            let present = try number(UInt8.self)
            var from: ByteView?
            var to: ByteView?
            if present & 1 != 0 { from = try bytes(try number(UInt16.self)) }
            if present & 2 != 0 { to = try bytes(try number(UInt16.self)) }
            return .deleteRange(from: from, to: to)
        case .useTable:
            return .useTable(name: try name())
        case .dropTable:
            let name = try name()
            // The default table is only ever emptied.
            guard name.count > 0 else { throw malformed }
            return .dropTable(name: name)
        }
    }
}
