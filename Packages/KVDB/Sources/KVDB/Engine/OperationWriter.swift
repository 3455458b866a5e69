import BTree
import StorageIO

/// The operations of the running transaction, encoded as its log record while they happen.
///
/// A class with its own memory, so that to add an operation is a few copies: an array in a `var` of
/// another class would be checked for other users with each of them.
///
/// `@safe`: it owns its memory, and writes behind `count` only after room was made.
@safe final class OperationWriter {
    // Used by the holder of the writer lock alone.
    /// Memory up to this size is kept from one transaction to the next.
    private static let keptByteCount = 1 << 20

    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0
    private var table = TableID.main
    private let names: TableSet
    /// Whether the operations are gathered, and still all here; false once they outgrew the limit.
    private(set) var isWhole = true
    /// Whether they are for the log.
    private var isLogged = true
    /// The most bytes to hold.
    private let limit: Int

    init(limit: Int, names: TableSet) {
        self.limit = limit
        self.names = names
        capacity = 1024
        unsafe start = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { unsafe start.deallocate() }

    /// The record so far, valid until the next change.
    var bytes: ByteView { unsafe ByteView(start: UnsafeRawPointer(start), count: count) }

    /// Whether they are a log record.
    var isComplete: Bool { isWhole && isLogged }

    /// Empties the buffer for the next transaction.
    ///
    /// - Parameters:
    ///   - logged: whether operations are recorded for the log.
    ///   - observed: whether they are recorded for those who observe, though not for the log.
    func reset(logged: Bool, observed: Bool = false) {
        clear()
        table = .main
        isLogged = logged
        isWhole = logged || observed
    }

    /// How far the record is.
    struct Mark {
        fileprivate let count: Int
        fileprivate let table: TableID
    }

    /// How far the record is now.
    var mark: Mark { Mark(count: count, table: table) }

    /// Takes back what was recorded since. A record that has outgrown the limit meanwhile is lost as a whole.
    func cut(to mark: Mark) {
        guard isWhole else { return }
        count = mark.count
        table = mark.table
    }

    /// Stops recording: the operations have outgrown the limit.
    private func abandon() {
        isWhole = false
        clear()
    }

    /// Notes a change that is not among the operations: the transaction commits by a checkpoint.
    func leaveOut() {
        if isWhole { abandon() }
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

    /// Makes room for an operation of at most `byteCount` bytes on a table. Returns whether it is to be recorded.
    @inline(__always)
    private func begin(_ table: TableID, adding byteCount: Int) -> Bool {
        guard isWhole else { return false }
        if count + byteCount + 16 > limit {
            abandon()
            return false
        }
        makeRoom(byteCount + 16)
        return table == self.table || use(table, adding: byteCount)
    }

    /// Makes `table` the current one.
    private func use(_ table: TableID, adding byteCount: Int) -> Bool {
        let name = names.name(of: table)
        if count + byteCount + name.count + 16 > limit {
            abandon()
            return false
        }
        makeRoom(byteCount + name.count + 16)
        self.table = table
        append(.useTable)
        appendName(name)
        return true
    }

    private func appendName(_ name: [UInt8]) {
        append(UInt16(name.count))
        append(name)
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

    private func append(_ bytes: [UInt8]) { withByteView(of: bytes) { append($0) } }

    func put(_ table: TableID, _ key: ByteView, _ value: ByteView) {
        guard begin(table, adding: 7 + key.count + value.count) else { return }
        append(.put)
        append(UInt16(key.count))
        append(UInt32(value.count))
        append(key)
        append(value)
    }

    func delete(_ table: TableID, _ key: ByteView) {
        guard begin(table, adding: 3 + key.count) else { return }
        append(.delete)
        append(UInt16(key.count))
        append(key)
    }

    func deleteRange(_ table: TableID, _ range: KeyRange) {
        // A caller's bounds may have any length. One byte more than a key can have is enough: to every
        // key, such a bound is the same as what it is cut from.
        let from = range.lowerBound?.prefix(TreeLimits.maximumKeyLength + 1)
        let to = range.upperBound?.prefix(TreeLimits.maximumKeyLength + 1)
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
    func touchTable(_ table: TableID) {
        _ = begin(table, adding: 0)
    }

    /// Says what a table holds.
    func describe(_ table: TableID, _ description: [UInt8]) {
        guard begin(table, adding: 3 + description.count) else { return }
        append(.describeTable)
        appendName(description)
    }

    /// The default table is the current one after this.
    func dropTable(_ table: TableID) {
        let name = names.name(of: table)
        guard begin(self.table, adding: 3 + name.count) else { return }
        append(.dropTable)
        appendName(name)
        self.table = .main
    }

    /// The default table is the current one after this.
    func renameTable(_ table: TableID, to target: TableID) {
        let (from, to) = (names.name(of: table), names.name(of: target))
        guard begin(self.table, adding: 5 + from.count + to.count) else { return }
        append(.renameTable)
        appendName(from)
        appendName(to)
        self.table = .main
    }
}
