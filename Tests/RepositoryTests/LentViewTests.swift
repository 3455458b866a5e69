import Foundation
import Testing

/// Nothing binds a `ByteView` to the memory that it is a view of. So whoever imports KVDB alone must not be handed
/// one: by no public declaration of KVDB, and by no member that a layer gives to a type which apps have. (What the
/// layers declare at the top level is out of reach, as KVDB re-exports single declarations of them.)
@Suite struct LentViewTests {
    /// A public declaration: its text up to its body, and the type or extension that it stands in.
    struct Signature {
        var line: Int
        var text: String
        var enclosing: String
        var isSPI: Bool
    }

    /// A type or extension that is open at a line.
    struct Block {
        var indentation: Int
        var name: String
        var isProtocol: Bool
        var isSPI: Bool
    }

    static let typeKinds: Set<String> = ["struct", "class", "enum", "protocol", "actor"]

    /// The name of the type or extension that begins at a line, without what it is nested in.
    static func block(in text: String) -> (kind: String, name: String)? {
        guard text.contains("extension ") || typeKinds.contains(where: { text.contains($0 + " ") })
        else { return nil }
        let words = text.split { $0 == " " || $0 == ":" || $0 == "<" || $0 == "{" || $0 == "." }
        if let index = words.firstIndex(of: "extension"), index + 1 < words.count,
            words[..<index].allSatisfy({ $0.hasPrefix("@") || $0 == "public" })
        {
            return ("extension", String(words[index + 1]))
        }
        guard let found = PublicDeclarationTests.declared(in: text), typeKinds.contains(found.kind)
        else { return nil }
        return (found.kind, found.name)
    }

    static func signatures(in lines: [String]) -> [Signature] {
        var found: [Signature] = []
        var blocks: [Block] = []
        for (index, line) in lines.enumerated() {
            let text = line.trimmingCharacters(in: .whitespaces)
            let indentation = line.prefix { $0 == " " }.count
            if text.hasPrefix("//") { continue }
            if text == "}", blocks.last?.indentation == indentation { blocks.removeLast() }
            // Most lines declare nothing to look at, and looking takes long.
            let isInProtocol = blocks.last?.isProtocol ?? false
            guard isInProtocol || text.contains("public ") || block(in: text) != nil else {
                continue
            }
            let above = PublicDeclarationTests.lineAboveAttributes(of: index, in: lines)
            let isSPI = lines[(above + 1)...index].contains { $0.contains("@_spi(") }
            if let declared = PublicDeclarationTests.declared(in: text),
                declared.isPublic || isInProtocol
            {
                found.append(
                    Signature(
                        line: index + 1, text: signature(at: index, in: lines),
                        enclosing: blocks.last?.name ?? "",
                        isSPI: isSPI || blocks.contains { $0.isSPI }))
            }
            if let block = block(in: text), !text.hasSuffix("}") {
                blocks.append(
                    Block(
                        indentation: indentation, name: block.name,
                        isProtocol: block.kind == "protocol", isSPI: isSPI))
            }
        }
        return found
    }

    /// A declaration from its first line to its body, or to what comes next.
    static func signature(at index: Int, in lines: [String]) -> String {
        var text = ""
        for line in lines[index...] {
            let line = line.trimmingCharacters(in: .whitespaces)
            if !text.isEmpty, line.isEmpty || line.hasPrefix("///") || line == "}" { break }
            text += " " + line.prefix { $0 != "{" }
            if line.contains("{") { break }
        }
        return text
    }

    @Test func noPublicDeclarationOfKVDBNamesAByteViewUnlessItIsForTheEngineAlone() throws {
        let paths = ImportTests.sources.filter { $0.hasPrefix("Packages/KVDB/") }
        #expect(!paths.isEmpty)
        for path in paths where try Repository.text(path).contains("ByteView") {
            for signature in Self.signatures(in: try Repository.lines(path))
            where signature.text.contains("ByteView") && !signature.isSPI {
                Issue.record("\(path):\(signature.line) shows apps a ByteView")
            }
        }
    }

    @Test func noLayerGivesAByteViewToATypeThatWhoeverImportsKVDBHas() throws {
        let layers: Set<String> = ["StorageIO", "PageStore", "WAL", "BTree"]
        let paths = ImportTests.sources.filter { layers.contains(ImportTests.target(of: $0)) }
        var hidden: Set<String> = []
        for path in paths {
            for line in try Repository.lines(path) {
                let block = Self.block(in: line.trimmingCharacters(in: .whitespaces))
                if let block, block.kind != "extension" { hidden.insert(block.name) }
            }
        }
        let exports = try Repository.lines("Packages/KVDB/Sources/KVDB/API/Exports.swift")
            .filter { $0.hasPrefix("@_exported import ") }
            .compactMap { $0.split(separator: ".").last.map(String.init) }
        #expect(exports.sorted() == ["ByteSource", "StorageError"])
        hidden.subtract(exports)
        for path in paths where try Repository.text(path).contains("ByteView") {
            for signature in Self.signatures(in: try Repository.lines(path))
            where signature.text.contains("ByteView") && !signature.enclosing.isEmpty {
                #expect(
                    hidden.contains(signature.enclosing),
                    "\(path):\(signature.line) gives a ByteView to \(signature.enclosing)")
            }
        }
    }

    @Test func theScanForSignaturesFindsWhatItIsMeantToFind() {
        let found = Self.signatures(in: [
            "extension Array: ByteSource where Element == UInt8 {", "    @inlinable",
            "    public func one(", "        _ body: (ByteView) -> Void", "    ) {",
            "        let two: ByteView", "    }", "}",
            "public protocol P: ~Copyable {", "    func three() -> ByteView", "}",
            "#if !hasFeature(Embedded)", "    @_spi(Engine)", "#endif", "public struct Q {",
            "    /// Four.", "    public var four: ByteView? { nil }", "}",
            "public func five() {}", "// public func six() {}",
            "@_spi(Engine) public func seven() {}",
            "func eight() {}",
        ])
        #expect(found.map(\.line) == [3, 9, 10, 15, 17, 19, 21])
        #expect(found.map(\.enclosing) == ["Array", "", "P", "", "Q", "", ""])
        #expect(found.map(\.isSPI) == [false, false, false, true, true, false, true])
        #expect(
            found.map { $0.text.contains("ByteView") }
                == [true, false, true, false, true, false, false])
    }
}
