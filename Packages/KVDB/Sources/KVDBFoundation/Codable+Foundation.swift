import Foundation
import KVDB

/// A `Codable` value, stored as JSON.
///
/// ```swift
/// static var events: Table<Keys<UUID, UInt64>, JSON<Event>> { .init("events") }
/// …
/// try events.put(JSON(event), for: key)
/// let event = try events.get(key)?.value
/// ```
///
/// Written by Foundation's `JSONEncoder` with its keys sorted, so that equal values have equal bytes. A value
/// that JSON has no form for, such as a NaN, is `unencodable`.
public struct JSON<Value: Codable & Sendable>: StoredValue {
    /// The value itself.
    public var value: Value

    /// Wraps `value`.
    public init(_ value: Value) { self.value = value }

    /// `json:` and the name of the type. Rename the type only together with its data, or give it the old name
    /// by ``SchemaNamed``.
    public static var schemaName: String { "json:" + codableName(Value.self) }

    /// The version of the value's type, if it says one by ``SchemaNamed``.
    public static var schemaVersion: UInt32 { codableVersion(Value.self) }

    /// Lends the JSON.
    ///
    /// - Throws: `unencodable` with what the encoder says; what `body` throws.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data: Data
        do { data = try encoder.encode(value) } catch {
            throw .unencodable("JSON", Value.self, error)
        }
        return try data.withStoredBytes(body)
    }

    /// Reads JSON.
    ///
    /// - Throws: `undecodable` with what the decoder says.
    public init(storedBytes: RawSpan) throws(StorageError) {
        do {
            value = try JSONDecoder().decode(Value.self, from: Data(storedBytes: storedBytes))
        } catch {
            throw .undecodable("JSON", Value.self, error)
        }
    }
}

/// A `Codable` value, stored as a binary property list: smaller and faster to read than ``JSON`` where values
/// hold data or dates.
public struct PropertyList<Value: Codable & Sendable>: StoredValue {
    /// The value itself.
    public var value: Value

    /// Wraps `value`.
    public init(_ value: Value) { self.value = value }

    /// `plist:` and the name of the type. Rename the type only together with its data, or give it the old
    /// name by ``SchemaNamed``.
    public static var schemaName: String { "plist:" + codableName(Value.self) }

    /// The version of the value's type, if it says one by ``SchemaNamed``.
    public static var schemaVersion: UInt32 { codableVersion(Value.self) }

    /// Lends the property list.
    ///
    /// - Throws: `unencodable` with what the encoder says; what `body` throws.
    public func withStoredBytes<Result>(
        _ body: (RawSpan) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        let data: Data
        do {
            data = try encoder.encode(value)
        } catch {
            throw .unencodable("a property list", Value.self, error)
        }
        return try data.withStoredBytes(body)
    }

    /// Reads a property list.
    ///
    /// - Throws: `undecodable` with what the decoder says.
    public init(storedBytes: RawSpan) throws(StorageError) {
        do {
            value = try PropertyListDecoder().decode(
                Value.self, from: Data(storedBytes: storedBytes))
        } catch {
            throw .undecodable("a property list", Value.self, error)
        }
    }
}

extension JSON: Equatable where Value: Equatable {}
extension JSON: Hashable where Value: Hashable {}
extension PropertyList: Equatable where Value: Equatable {}
extension PropertyList: Hashable where Value: Hashable {}

/// Gives a `Codable` type the name and version that tables record, in place of its name in Swift and 1.
public protocol SchemaNamed {
    /// The name, the same in every version of the program.
    static var schemaName: String { get }
    /// The version; raise it when values change their meaning.
    static var schemaVersion: UInt32 { get }
}

extension SchemaNamed {
    /// 1.
    public static var schemaVersion: UInt32 { 1 }
}

/// The type's own name without those of its module and of the types it lies in, so that moving it is no change.
private func codableName<Value>(_: Value.Type) -> String {
    (Value.self as? any SchemaNamed.Type)?.schemaName ?? String(describing: Value.self)
}

private func codableVersion<Value>(_: Value.Type) -> UInt32 {
    (Value.self as? any SchemaNamed.Type)?.schemaVersion ?? 1
}

extension StorageError {
    static func unencodable(
        _ format: String, _ type: Any.Type, _ error: any Error
    ) -> StorageError {
        StorageError(
            .unencodable,
            "The value of type \(type) can't be written as \(format): \(reason(error)) Nothing was stored."
        )
    }

    static func undecodable(
        _ format: String, _ type: Any.Type, _ error: any Error
    ) -> StorageError {
        StorageError(
            .undecodable,
            "The stored value can't be read as \(type) from \(format): \(reason(error)) Read the table with the type that wrote it."
        )
    }

    /// What a coder says, with the place in the value.
    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey], _ text: String) -> String {
            let names = path.map { $0.intValue.map(String.init) ?? $0.stringValue }
            let sentence = text.hasSuffix(".") ? text : text + "."
            return names.isEmpty ? sentence : "at \(names.joined(separator: ".")): \(sentence)"
        }
        switch error {
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
            return place(context.codingPath, context.debugDescription)
        case EncodingError.invalidValue(_, let context):
            return place(context.codingPath, context.debugDescription)
        default: return place([], "\(error)")
        }
    }
}
