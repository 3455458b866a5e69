import StorageIO

/// A key of several parts, the first one the most significant.
///
/// ```swift
/// static var events: Table<Keys<UUID, String, UInt64>, JSON<Event>> { .init("events") }
/// …
/// let key = Keys(tenant, stream, number)
/// let (tenant, stream, number) = key.parts
/// ```
///
/// The bytes are those of the parts, one behind the other, so the keys that begin with the same leading
/// parts are a range: `.prefix(tenant, stream)`.
public struct Keys<each Part: OrderedKey>: OrderedKey {
    /// The parts.
    public var parts: (repeat each Part)

    /// A key of these parts.
    @inlinable
    public init(_ part: repeat each Part) { parts = (repeat each part) }

    /// The names of the parts in parentheses: `(string,u64)`.
    public static var schemaName: String {
        var names = ""
        for part in repeat (each Part).self {
            if !names.utf8.isEmpty { names += "," }
            names += part.schemaName
        }
        return "(" + names + ")"
    }

    /// The largest of the parts' versions.
    public static var schemaVersion: UInt32 {
        var version: UInt32 = 1
        for part in repeat (each Part).self { version = max(version, part.schemaVersion) }
        return version
    }

    /// Appends the parts, the first one first.
    @inlinable
    public func encode(into writer: inout KeyWriter) {
        unsafe withUnsafePointer(to: self) { pointer in
            var place = unsafe PartPlace(pointer)
            encode(from: &place, into: &writer)
        }
    }

    @inlinable @inline(__always)
    func encode(from place: inout PartPlace, into writer: inout KeyWriter) {
        repeat place.encodeNext((each Part).self, into: &writer)
    }

    /// Reads the parts, the first one first.
    @inlinable
    public init(from reader: inout KeyReader) throws(StorageError) {
        parts = (repeat try (each Part)(from: &reader))
    }
}

/// Where the next part of a ``Keys`` lies in memory.
///
/// A part that is taken out of a tuple of unknown types costs a copy and a destruction by way of the type's
/// witness table, and its `encode` another call: 110 instructions for two integers. Read in place, with
/// the usual types told apart by comparisons that the compiler decides, they cost about 20.
///
/// Marked `@safe` because it only goes over the tuple that `Keys` lends it, and aligns each part as the
/// compiler does: the fields of a tuple follow each other, each at the next multiple of its
/// alignment. `KeysTests` would find another layout.
@safe @usableFromInline struct PartPlace {
    @usableFromInline var pointer: UnsafeRawPointer

    @inlinable
    init(_ pointer: UnsafeRawPointer) { unsafe self.pointer = pointer }

    @inlinable @inline(__always)
    mutating func encodeNext<Part: OrderedKey>(_: Part.Type, into writer: inout KeyWriter) {
        if Part.self == UInt64.self {
            next(UInt64.self).encode(into: &writer)
        } else if Part.self == Int.self {
            next(Int.self).encode(into: &writer)
        } else if Part.self == Int64.self {
            next(Int64.self).encode(into: &writer)
        } else if Part.self == UInt32.self {
            next(UInt32.self).encode(into: &writer)
        } else if Part.self == Int32.self {
            next(Int32.self).encode(into: &writer)
        } else {
            unsafe pointer = pointer.alignedUp(for: Part.self)
            unsafe pointer.assumingMemoryBound(to: Part.self).pointee.encode(into: &writer)
            unsafe pointer += MemoryLayout<Part>.size
        }
    }

    @inlinable @inline(__always)
    mutating func next<Part: FixedWidthInteger>(_: Part.Type) -> Part {
        unsafe pointer = pointer.alignedUp(for: Part.self)
        let part = unsafe pointer.load(as: Part.self)
        unsafe pointer += MemoryLayout<Part>.size
        return part
    }
}
