import BTree
import StorageIO

/// One operation read back from a log record. The views are valid as long as the record's payload.
enum ReplayedOperation {
    case put(key: ByteView, value: ByteView)
    case delete(key: ByteView)
    case deleteRange(from: ByteView?, to: ByteView?)
    case useTable(name: ByteView)
    case dropTable(name: ByteView)
    case renameTable(from: ByteView, to: ByteView)
    case describeTable(TableDescription)
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
        case .renameTable:
            let (from, to) = (try name(), try name())
            guard from.count > 0, to.count > 0 else { throw malformed }
            return .renameTable(from: from, to: to)
        case .describeTable:
            let description = try bytes(try number(UInt16.self))
            return .describeTable(try TableDescription(description))
        }
    }
}
