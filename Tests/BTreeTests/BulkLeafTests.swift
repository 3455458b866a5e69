import PageStore
import StorageIO
import StorageIOTesting
import Testing

@testable import BTree

@Suite struct BulkLeafTests {
    /// Entries with keys of all lengths and beginnings; every eighth value is in an overflow run.
    private static func entries(_ random: inout SeededRandom) -> [SortedArrayModel.Entry] {
        var model = SortedArrayModel()
        let stem = random.below(200)
        let longest = [3, 30, 300][random.below(3)]
        for _ in 0..<600 {
            let name = [UInt8](repeating: 5, count: stem) + random.bytes(random.below(longest))
            model.put(name, random.bytes(random.oneIn(8) ? 1025 : random.below(2 * longest)))
        }
        return model.entries
    }

    private static func append(_ entry: SortedArrayModel.Entry, to leaf: BulkLeaf) {
        lend(entry.key) { key in
            lend(entry.value) { value in
                if value.count > 1024 {
                    leaf.append(key, overflow: 77, byteCount: value.count)
                } else {
                    leaf.append(key, inline: value)
                }
            }
        }
    }

    /// The page that any other write of these entries makes.
    private static func page(_ written: ArraySlice<SortedArrayModel.Entry>) throws -> [UInt8] {
        var entries = NodeEntries(level: 0)
        for entry in written {
            lend(entry.key) { key in
                lend(entry.value) { value in
                    entries.insert(
                        key,
                        value.count > 1024
                            ? .overflow(page: 77, byteCount: value.count) : .inline(value),
                        at: entries.count)
                }
            }
        }
        let page = ScratchPage()
        page.bytes.writeHeader(number: 9, birth: 4, kind: .leaf)
        try entries.write(0..<entries.count, to: page.bytes)
        return page.array
    }

    @Test(arguments: Seeds.first(30))
    func pagesAreByteForByteThoseOfAnyOtherWriteHoldAllThatFitsAndAreLedToRightly(seed: UInt64)
        throws
    {
        var random = SeededRandom(seed: seed)
        let entries = Self.entries(&random)
        let leaf = BulkLeaf()
        let page = ScratchPage()
        var first = 0
        for (index, entry) in entries.enumerated() {
            Self.append(entry, to: leaf)
            #expect(leaf.count == index - first + 1, "\(Seeds.again(seed))")
            #expect(leaf.lastKey?.array == entry.key, "\(Seeds.again(seed))")
            let isLast = index == entries.count - 1
            guard leaf.isOverfull || isLast else { continue }
            let written = leaf.isOverfull ? leaf.count - 1 : leaf.count
            // What was there before may not show through.
            page.set(0, [UInt8](repeating: 0xEE, count: PageLayout.pageSize))
            page.bytes.writeHeader(number: 9, birth: 4, kind: .leaf)
            leaf.write(written, to: page.bytes)
            #expect(NodeCheck.problem(in: page.bytes) == nil, "\(Seeds.again(seed))")
            #expect(
                page.array == (try Self.page(entries[first..<first + written])),
                "\(Seeds.again(seed))")
            guard leaf.isOverfull else { break }
            #expect(throws: StorageError.self, "one more fits. \(Seeds.again(seed))") {
                try Self.page(entries[first...index])
            }
            leaf.dropWritten()
            let separator = leaf.separator.array
            #expect(SortedArrayModel.compare(entries[index - 1].key, separator) < 0)
            #expect(SortedArrayModel.compare(separator, entry.key) <= 0)
            #expect(
                SortedArrayModel.compare(Array(separator.dropLast()), entries[index - 1].key) <= 0)
            first = index
        }
        withExtendedLifetime(page) {}
    }
}
