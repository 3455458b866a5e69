import BTree
import StorageIO

/// The operations of the running transaction, encoded as its log record while they happen.
///
/// A class with its own memory, so that to add an operation is a few copies: an array in a `var` of
/// another class would be checked for other users with each of them.
///
/// `@safe`: it owns its memory, and writes behind `count` only after room was made.
@safe final class OperationBuffer {
    // Used by the holder of the writer lock alone.
    /// Memory up to this size is kept from one transaction to the next.
    private static let keptByteCount = 1 << 20

    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0
    private var table: [UInt8] = []
    /// Whether the operations are still all here; false once they outgrew the limit.
    private(set) var isComplete = true
    /// The most bytes to hold.
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
        capacity = 1024
        unsafe start = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { unsafe start.deallocate() }

    /// The record so far, valid until the next change.
    var bytes: ByteView { unsafe ByteView(start: UnsafeRawPointer(start), count: count) }

    /// Empties the buffer for the next transaction.
    func reset(logged: Bool) {
        clear()
        if !table.isEmpty { table.removeAll(keepingCapacity: true) }
        isComplete = logged
    }

    /// Stops recording: the transaction will commit by a checkpoint.
    func abandon() {
        isComplete = false
        clear()
    }

    private func clear() {
        count = 0
        if capacity > Self.keptByteCount { resize(to: 1024) }
    }

    private func resize(to newCapacity: Int) {
        let moved = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 8)
        unsafe moved.copyMemory(from: start, byteCount: count)
        unsafe start.deallocate()
        unsafe start = moved
        capacity = newCapacity
    }

    private func makeRoom(_ more: Int) {
        guard capacity - count < more else { return }
        resize(to: max(capacity * 2, count + more))
    }

    /// Makes room for an operation of at most `byteCount` bytes; whether it is to be recorded.
    private func begin(_ table: [UInt8], adding byteCount: Int) -> Bool {
        guard isComplete else { return false }
        if count + byteCount + table.count + 16 > limit {
            abandon()
            return false
        }
        makeRoom(byteCount + table.count + 16)
        if table != self.table {
            self.table = table
            append(.useTable)
            append(UInt16(table.count))
            append(table)
        }
        return true
    }

    private func append(_ operation: LogOperation) { append(operation.rawValue) }

    private func append<Value: FixedWidthInteger & BitwiseCopyable>(_ number: Value) {
        unsafe start.storeBytes(
            of: number.littleEndian, toByteOffset: count, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    private func append(_ view: ByteView) {
        unsafe (start + count).copyMemory(from: view.start, byteCount: view.count)
        count += view.count
    }

    private func append(_ bytes: [UInt8]) { bytes.withByteView { append($0) } }

    func put(_ table: [UInt8], _ key: ByteView, _ value: ByteView) {
        guard begin(table, adding: 7 + key.count + value.count) else { return }
        append(.put)
        append(UInt16(key.count))
        append(UInt32(value.count))
        append(key)
        append(value)
    }

    func delete(_ table: [UInt8], _ key: ByteView) {
        guard begin(table, adding: 3 + key.count) else { return }
        append(.delete)
        append(UInt16(key.count))
        append(key)
    }

    func deleteRange(_ table: [UInt8], _ range: KeyRange) {
        // A caller's bounds may have any length. One byte more than a key can have is enough: to every
        // key, such a bound is the same as what it is cut from.
        let from = range.from?.prefix(TreeLimits.maximumKeyLength + 1)
        let to = range.to?.prefix(TreeLimits.maximumKeyLength + 1)
        guard begin(table, adding: 6 + (from?.count ?? 0) + (to?.count ?? 0)) else { return }
        append(.deleteRange)
        append(UInt8(from == nil ? 0 : 1) | UInt8(to == nil ? 0 : 2))
        for bound in [from, to] {
            guard let bound else { continue }
            append(UInt16(bound.count))
            append(Array(bound))
        }
    }

    /// Makes sure the table exists after a replay, even when nothing is put into it.
    func touchTable(_ table: [UInt8]) {
        _ = begin(table, adding: 0)
    }

    func dropTable(_ name: [UInt8]) {
        guard begin(table, adding: 3 + name.count) else { return }
        append(.dropTable)
        append(UInt16(name.count))
        append(name)
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
