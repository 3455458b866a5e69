import Foundation
import PageStore
import StorageIO
import Testing

@testable import BTree

/// Holds `Docs/NodeFormat.md` and the code to each other: the examples' bytes are taken from the page.
@Suite struct NodeFormatTests {
    /// The rows of one example: what its tables say is at which offset.
    static func example(_ title: String) throws -> ScratchPage {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Docs/NodeFormat.md").standardized
        let text = try String(contentsOf: path, encoding: .utf8)
        let section = try #require(
            text.components(separatedBy: "\n## ").first { $0.hasPrefix(title) })
        let page = ScratchPage()
        for line in section.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let offset = Int(cells[0]) else { continue }
            let digits = cells[1].filter { $0 != "`" }.split(separator: " ")
            page.set(offset, try digits.map { try #require(UInt8($0, radix: 16)) })
        }
        return page
    }

    static let pie: [UInt8] = Array("apple".utf8) + [0, 0] + Array("pie".utf8)

    @Test func aLeafIsWrittenByteForByteAsDocumented() throws {
        var entries = NodeEntries(level: 0)
        lend(Array("app".utf8)) { key in
            lend(Array("1".utf8)) { entries.insert(key, .inline($0), at: 0) }
        }
        lend(Array("apple".utf8)) { key in
            lend(Array("22".utf8)) { entries.insert(key, .inline($0), at: 1) }
        }
        lend(Self.pie) { entries.insert($0, .overflow(page: 9, byteCount: 5000), at: 2) }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 5, birth: 7, kind: .leaf)
        try entries.write(0..<3, to: page.bytes)
        #expect(try page.array == Self.example("Example: a leaf").array)
        #expect(NodeCheck.problem(in: page.bytes) == nil)
    }

    @Test func aLeafGrownEntryByEntryReadsAsDocumentedInAnyOrderOfInsertion() throws {
        let page = try Self.example("Example: a leaf")
        #expect(NodeCheck.problem(in: page.bytes) == nil)
        let node = Node(page.bytes)
        defer { withExtendedLifetime(page) {} }
        #expect(node.count == 3 && node.isLeaf && node.freeBytes == 4073 - 56)
        #expect(node.usedBytes == 4064 - (4073 - 56))
        let keys = [Array("app".utf8), Array("apple".utf8), Self.pie]
        for (index, key) in keys.enumerated() {
            let position = lend(key) { node.lowerBound($0) }
            #expect(position.index == index && position.isMatch)
            var buffer = KeyBuffer()
            buffer.take(node, index)
            #expect(buffer.view.array == key)
        }
        guard case .inline(let value) = node.value(1),
            case .overflow(let run, let byteCount) = node.value(2)
        else {
            Issue.record("values are of the wrong kind")
            return
        }
        #expect(value.array == Array("22".utf8) && run == 9 && byteCount == 5000)
    }

    @Test func anInnerNodeIsWrittenAndReadByteForByteAsDocumented() throws {
        var entries = NodeEntries(level: 1)
        lend([]) { entries.insertChild($0, 2, entryCount: 3, at: 0) }
        lend(Array("b".utf8)) { entries.insertChild($0, 3, entryCount: 300, at: 1) }
        lend(Array("berries".utf8)) { entries.insertChild($0, 4, entryCount: 1, at: 2) }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 6, birth: 7, kind: .inner, level: 1)
        try entries.write(0..<3, to: page.bytes)
        let example = try Self.example("Example: an inner node")
        #expect(page.array == example.array)
        #expect(NodeCheck.problem(in: example.bytes) == nil)
        let node = Node(example.bytes)
        defer { withExtendedLifetime(example) {} }
        #expect(node.totalEntryCount == 304)
        let places = ["": 0, "a": 0, "b": 1, "bee": 1, "berrier": 1, "berries": 2, "c": 2]
        for (key, child) in places {
            #expect(lend(Array(key.utf8)) { node.childIndex($0) } == child, "\(key)")
        }
    }
}
