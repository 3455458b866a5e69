import PageStore
import StorageIO

/// The leaf that a bulk load is filling: keys and values as they come, one behind the other, until
/// they fill a page and are written to it in one pass.
///
/// They can't go straight into the page, as the prefix is known only with the last key. But what a
/// cell holds, the key beyond prefix and head and then the value, lies together here too, so that
/// writing an entry is one copy.
///
/// `@safe`: it owns its memory; places are written for no more entries than fit in a page and one,
/// and only those are read.
@safe final class BulkLeaf {
    /// Where an entry lies in the scratch: the key, then its inline value or, where `valueLength`
    /// is the overflow mark, the number and the length of the run.
    private struct Place {
        var offset: UInt32
        var keyLength: UInt16
        var valueLength: UInt16
    }

    // Used by the writing thread alone.
    private let bytes = ByteScratch(capacity: 2 * PageLayout.pageSize)
    private let places = UnsafeMutablePointer<Place>.allocate(capacity: NodeLayout.maximumSlots)
    private let separatorBytes = ByteScratch(capacity: 64)
    private(set) var count = 0
    /// The bytes of the node as it would be written now, and of the prefix in that.
    private var size = 0
    private var prefixLength = 0

    deinit { unsafe places.deallocate() }

    /// The separator that leads to the leaf, for its parent.
    var separator: ByteView { separatorBytes.view(0, separatorBytes.count) }

    /// Whether the last entry was one too many. It must be written without that before the next is
    /// added.
    var isOverfull: Bool { size > NodeLayout.capacity }

    /// The last key; nil in an empty leaf.
    var lastKey: ByteView? { count == 0 ? nil : key(count - 1) }

    private func key(_ index: Int) -> ByteView {
        let place = unsafe places[index]
        return bytes.view(Int(place.offset), Int(place.keyLength))
    }

    // MARK: Filling

    /// Adds an entry behind the others, with a value that fits in the leaf.
    func append(_ key: ByteView, inline value: ByteView) {
        let offset = bytes.append(key)
        bytes.append(value)
        note(offset, key, UInt16(truncatingIfNeeded: value.count))
    }

    /// Adds an entry behind the others whose value is in an overflow run.
    func append(_ key: ByteView, overflow page: PageNumber, byteCount: Int) {
        let offset = bytes.append(key)
        bytes.append(integer: page)
        bytes.append(integer: UInt32(truncatingIfNeeded: byteCount))
        note(offset, key, NodeLayout.overflowMark)
    }

    private func note(_ offset: Int, _ key: ByteView, _ valueLength: UInt16) {
        precondition(count < NodeLayout.maximumSlots, "a full leaf was not written")
        unsafe places[count] = Place(
            offset: UInt32(truncatingIfNeeded: offset),
            keyLength: UInt16(truncatingIfNeeded: key.count), valueLength: valueLength)
        count += 1
        // The prefix rarely changes; when it does all is counted anew.
        let length = count == 1 ? 0 : self.key(0).commonPrefixLength(with: key)
        if count > 2, length >= prefixLength {
            size += size(count - 1)
        } else {
            prefixLength = length
            var total = length
            for index in 0..<count { total += size(index) }
            size = total
        }
    }

    /// Bytes that an entry takes behind the prefix.
    private func size(_ index: Int) -> Int {
        let place = unsafe places[index]
        let rest = max(0, Int(place.keyLength) - prefixLength - NodeLayout.headSize)
        let slot = NodeLayout.headSize + NodeLayout.leafTailSize + rest
        return place.valueLength == NodeLayout.overflowMark
            ? slot + NodeLayout.overflowFieldSize
            : slot + NodeLayout.inlineFieldSize + Int(place.valueLength)
    }

    // MARK: Writing

    /// Writes the first `written` entries, which fit, over a page with a header.
    func write(_ written: Int, to page: PageBytes) {
        let first = key(0)
        let prefixLength =
            written > 1 ? first.commonPrefixLength(with: key(written - 1)) : 0
        var cell = PageLayout.pageSize - prefixLength
        page.copy(first.prefix(prefixLength), to: cell)
        let node = NodeSlots(isLeaf: true, count: written)
        for index in 0..<written {
            let place = unsafe places[index]
            let suffix = key(index).dropFirst(prefixLength)
            let rest = suffix.dropFirst(NodeLayout.headSize)
            let end = Int(place.offset) + Int(place.keyLength)
            if place.valueLength == NodeLayout.overflowMark {
                cell -= NodeLayout.overflowFieldSize + rest.count
                let run = bytes.view(end, 8)
                page.store(NodeLayout.overflowMark, at: cell)
                page.copy(run, to: cell + 2)
                page.copy(rest, to: cell + NodeLayout.overflowFieldSize)
            } else {
                let valueLength = Int(place.valueLength)
                cell -= NodeLayout.inlineFieldSize + rest.count + valueLength
                page.store(place.valueLength, at: cell)
                page.copy(
                    bytes.view(end - rest.count, rest.count + valueLength),
                    to: cell + NodeLayout.inlineFieldSize)
            }
            node.store(suffix, cell: cell, at: index, in: page)
        }
        node.finish(page, level: 0, prefixLength: prefixLength, cellStart: cell)
    }

    /// Goes on with the last entry, the one that was not written.
    func dropWritten() {
        let last = key(count - 1)
        let shared = last.commonPrefixLength(with: key(count - 2))
        separatorBytes.truncate(to: 0)
        separatorBytes.append(last.prefix(shared + 1))
        let offset = Int(unsafe places[count - 1].offset)
        unsafe places[0] = places[count - 1]
        unsafe places[0].offset = 0
        bytes.dropFirst(offset)
        count = 1
        prefixLength = 0
        size = size(0)
    }
}
