import StorageIO

/// A JSON value whose objects keep the order of their members, so that output is stable.
enum JSONValue {
    case null
    case boolean(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case fields(JSONFields)

    /// An object with these members.
    static func object(_ members: [(name: String, value: JSONValue)]) -> JSONValue {
        .fields(JSONFields(members))
    }

    /// The value as JSON on one line.
    var text: String {
        switch self {
        case .null: "null"
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .unsigned(let value): "\(value)"
        // JSON has no infinity and no not-a-number.
        case .number(let value): value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.quoted(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .fields(let fields):
            "{"
                + fields.members.map { Self.quoted($0.name) + ":" + $0.value.text }
                .joined(separator: ",") + "}"
        }
    }

    /// A string in quotes.
    private static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// The member for bytes: its name says how they are encoded. `name` alone is text; bytes that
    /// are no UTF-8 are then `name_base64`.
    static func member(
        _ name: String, _ bytes: ByteView, _ format: ByteFormat?
    ) -> (name: String, value: JSONValue) {
        switch format ?? .text {
        case .text:
            if let text = String(validating: bytes.array, as: UTF8.self) {
                return (name, .string(text))
            }
            return member(name, bytes, .base64)
        case let format:
            let text = String(decoding: format.encode(bytes), as: UTF8.self)
            return (name + "_" + format.rawValue, .string(text))
        }
    }
}

/// The members of a JSON object. A class, since a tuple of an enum in that enum's payload makes the
/// compiler go round in circles.
final class JSONFields {
    let members: [(name: String, value: JSONValue)]

    init(_ members: [(name: String, value: JSONValue)]) { self.members = members }
}
