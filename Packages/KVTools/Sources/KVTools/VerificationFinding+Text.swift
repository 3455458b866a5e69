import KVDB
import StorageIO

extension [UInt8] {
    /// Bytes for people: escaped, in quotes.
    var readable: String {
        let escaped = withByteView(of: self) { ByteFormat.escaped.encode($0) }
        return "\"" + String(decoding: escaped, as: UTF8.self) + "\""
    }
}

extension KeyRange {
    /// The range for people.
    var readable: String { readable(isClosed: false) }

    /// The range for people.
    ///
    /// - Parameter isClosed: whether the upper bound is in the range.
    func readable(isClosed: Bool) -> String {
        let before = isClosed ? "to" : "to before"
        switch (lowerBound, upperBound) {
        case (nil, nil): return "all keys"
        case (let from?, nil): return "keys from \(from.readable) on"
        case (nil, let to?): return "keys from the first \(before) \(to.readable)"
        case (let from?, let to?):
            return "keys from \(from.readable) \(before) \(to.readable)"
        }
    }
}

extension [UInt8] {
    /// The JSON member for the bytes, as text where they are that.
    func member(_ name: String) -> (name: String, value: JSONValue) {
        withByteView(of: self) { JSONValue.member(name, $0, nil) }
    }
}

extension KeyRange {
    /// The JSON members for the bounds; one that is absent does not bound.
    var members: [(name: String, value: JSONValue)] {
        var members: [(name: String, value: JSONValue)] = []
        if let lowerBound { members.append(lowerBound.member("from")) }
        if let upperBound { members.append(upperBound.member("to")) }
        return members
    }
}

extension VerificationReport.Finding {
    /// What is wrong and where, in one sentence.
    var sentence: String {
        guard let table, !table.isEmpty else { return error.description }
        return "table \(String(decoding: table, as: UTF8.self)): \(error.description)"
    }

    /// The finding for people; the first line says what and where.
    func lines(_ path: String) -> [String] {
        var lines = ["damage: \(kind.name): \(sentence)"]
        if let expected { lines.append("    expected: \(expected)") }
        if let found { lines.append("    found: \(found)") }
        if let key { lines.append("    key: \(key.readable)") }
        if key == nil, let keys {
            let count = entryCount.map { ", " + counted($0, "entry", "entries") } ?? ""
            lines.append("    affected: \(keys.readable)\(count)")
        }
        lines.append("    next: \(advice.text(Self.quoted(path)))")
        return lines
    }

    /// The finding as a JSON object.
    func object(_ path: String) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("kind", .string(kind.name)), ("code", .string(error.codeName)),
            ("message", .string(error.message)),
        ]
        if let path = error.path { members.append(("path", .string(path))) }
        if let page = error.page { members.append(("page", .unsigned(UInt64(page)))) }
        if let offset = error.offset { members.append(("offset", .unsigned(offset))) }
        if let position = error.logSequenceNumber {
            members.append(("log_position", .unsigned(position)))
        }
        if let expected { members.append(("expected", .string(expected))) }
        if let found { members.append(("found", .string(found))) }
        if let table { members.append(table.member("table")) }
        if let key { members.append(key.member("key")) }
        if let keys { members += keys.members }
        if let entryCount { members.append(("entries", .unsigned(entryCount))) }
        members.append(("next", .string(advice.text(Self.quoted(path)))))
        return .object(members)
    }

    /// A path as a shell takes it for one word.
    private static func quoted(_ path: String) -> String {
        let plain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "/"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return plain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
    }
}
