import Foundation
import Testing

/// Every public declaration says what it is. What implements a requirement of a public protocol of
/// ours is documented there, and need not be again; the formatter's own rule can't tell the two apart.
@Suite struct PublicDeclarationTests {
    static let kinds: Set<String> = [
        "func", "var", "let", "init", "subscript", "struct", "class", "enum", "protocol",
        "typealias", "actor",
    ]

    /// A public declaration in a file.
    struct Declaration {
        var line: Int
        var name: String
        var isDocumented: Bool
    }

    /// The kind and name that a line of source declares, whatever modifiers stand before them.
    static func declared(in line: String) -> (isPublic: Bool, kind: String, name: String)? {
        let separators = CharacterSet(charactersIn: " \t:(<={[?")
        let words = line.components(separatedBy: separators).filter { !$0.isEmpty }
        guard let index = words.firstIndex(where: kinds.contains),
            words[..<index].allSatisfy({ $0.first!.isLetter || $0.first == "@" || $0 == "set)" })
        else { return nil }
        let isNamedByKind = ["init", "subscript"].contains(words[index])
        let name = isNamedByKind ? words[index] : words.dropFirst(index + 1).first
        guard let name else { return nil }
        return (words[..<index].contains("public"), words[index], name)
    }

    /// The line above a declaration and its attributes, which may have several lines each: those begin with `@` and
    /// end with a parenthesis at the beginning of a line. Some stand between `#if` and `#endif`.
    static func lineAboveAttributes(of index: Int, in lines: [String]) -> Int {
        func text(_ index: Int) -> String { lines[index].trimmingCharacters(in: .whitespaces) }
        var above = index - 1
        while above >= 0 {
            if text(above) == ")" {
                while above >= 0, !text(above).hasPrefix("@") { above -= 1 }
            }
            guard above >= 0,
                text(above).hasPrefix("@") || text(above) == "#endif"
                    || text(above).hasPrefix("#if") && text(above + 1).hasPrefix("@")
            else { break }
            above -= 1
        }
        return above
    }

    static func declarations(in lines: [String]) -> [Declaration] {
        lines.indices.compactMap { index in
            let text = lines[index].trimmingCharacters(in: .whitespaces)
            guard !text.hasPrefix("//"), let found = declared(in: text), found.isPublic else {
                return nil
            }
            let above = lineAboveAttributes(of: index, in: lines)
            let isDocumented =
                above >= 0 && lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("///")
            return Declaration(line: index + 1, name: found.name, isDocumented: isDocumented)
        }
    }

    /// The names of the requirements of the public protocols in a file. A protocol that starts at
    /// the beginning of a line ends at the next closing brace there.
    static func requirements(in lines: [String]) -> Set<String> {
        var names: Set<String> = []
        var isInside = false
        for line in lines {
            if line.hasPrefix("public protocol ") { isInside = true }
            if line.hasPrefix("}") { isInside = false }
            if isInside, let found = declared(in: line.trimmingCharacters(in: .whitespaces)) {
                names.insert(found.name)
            }
        }
        return names
    }

    @Test func everyPublicDeclarationHasADocumentationCommentItsOwnOrItsProtocols() throws {
        // Names that protocols of the standard library require.
        var inherited: Set<String> = [
            "description", "debugDescription", "hash", "next", "makeIterator", "Element", "main",
            "run", "configuration",
        ]
        for path in ImportTests.sources {
            inherited.formUnion(Self.requirements(in: try Repository.lines(path)))
        }
        for path in ImportTests.sources {
            for declaration in Self.declarations(in: try Repository.lines(path))
            where !declaration.isDocumented && !inherited.contains(declaration.name) {
                Issue.record("\(path):\(declaration.line) \(declaration.name) isn't documented")
            }
        }
    }

    @Test func theScanForPublicDeclarationsFindsWhatItIsMeantToFind() {
        let found = Self.declarations(in: [
            "/// Documented.", "@inlinable", "public static func one() {}",
            "public private(set) var two = 2", "func three() {}", "// public func four() {}",
            "    public init(_ value: Int) {", "let publicValue = 5",
            "/// Documented.", "@available(", "    *, unavailable, message: \"\"", ")",
            "@inlinable",
            "public subscript(key: String) -> String? {", "@available(", ")",
            "public func six() {}",
            "/// Documented.", "#if os(Linux)", "@inlinable", "#endif", "public func seven() {}",
        ])
        #expect(found.map(\.name) == ["one", "two", "init", "subscript", "six", "seven"])
        #expect(found.map(\.isDocumented) == [true, false, false, true, false, true])
        let names = Self.requirements(in: [
            "public protocol P {", "    func a()", "    var b: Int { get }", "}", "func c() {}",
        ])
        #expect(names == ["P", "a", "b"])
    }
}
