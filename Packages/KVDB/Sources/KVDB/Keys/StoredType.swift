/// What a type says about itself where its bytes are kept: a name and a version.
///
/// ``OrderedKey`` and ``StoredValue`` both refine it, so that a type that is both says it once. A table
/// records name and version of its key type and of its value type, and refuses others.
public protocol StoredType: Sendable {
    /// The name of the type's byte format, the same in every build and on every platform: `u64`,
    /// `string`, `(string,u64)`. Two types of one format may share a name, as `Int` and `Int64` do.
    static var schemaName: String { get }

    /// The version of the format, 1 by default. Raise it when bytes change their meaning.
    static var schemaVersion: UInt32 { get }
}

extension StoredType {
    /// 1.
    public static var schemaVersion: UInt32 { 1 }
}

extension RawRepresentable where Self: StoredType, RawValue: StoredType {
    /// The name of the raw value's format, which is the one that is stored.
    public static var schemaName: String { RawValue.schemaName }
}
