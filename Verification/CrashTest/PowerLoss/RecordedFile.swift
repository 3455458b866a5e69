import StorageIO
import StorageIOTesting

/// A file of a recording: what the medium surely has of it, and what it may have besides.
final class RecordedFile {
    enum Change {
        case write(Int, [UInt8])
        case zero(Range<Int>)
        case resize(Int)
    }

    static let sectorByteCount = 512

    /// What every power loss leaves.
    private(set) var durable: [UInt8] = []
    /// What readers see.
    private(set) var current: [UInt8] = []
    /// The changes since, in order; the first is change number `firstPending`.
    private(set) var pending: [Change] = []
    private var firstPending = 0

    /// The number of the next change.
    var nextNumber: Int { firstPending + pending.count }

    func change(_ change: Change) {
        pending.append(change)
        Self.apply(change, to: &current)
    }

    /// A sync ended that began before change `number`.
    func makeDurable(before number: Int) {
        let count = min(max(0, number - firstPending), pending.count)
        for change in pending[..<count] { Self.apply(change, to: &durable) }
        pending.removeFirst(count)
        firstPending += count
    }

    static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .write(let offset, let new):
            if bytes.count < offset + new.count { resize(&bytes, offset + new.count) }
            bytes.replaceSubrange(offset..<offset + new.count, with: new)
        case .zero(let range):
            for index in range where index < bytes.count { bytes[index] = 0 }
        case .resize(let size): resize(&bytes, size)
        }
    }

    private static func resize(_ bytes: inout [UInt8], _ size: Int) {
        if size < bytes.count {
            bytes.removeLast(bytes.count - size)
        } else {
            bytes += [UInt8](repeating: 0, count: size - bytes.count)
        }
    }

    /// What a power loss leaves when the first `count` changes have reached the medium and no other.
    func prefix(_ count: Int) -> [UInt8] {
        var bytes = durable
        for change in pending.prefix(count) { Self.apply(change, to: &bytes) }
        return bytes
    }

    /// What a power loss leaves when each sector is at one of its versions, and the size at any that the
    /// file has had.
    ///
    /// - Parameter newest: how many sectors of a hundred have all their changes; the others are at any
    ///   version.
    func scattered(newest: Int, _ random: inout SeededRandom) -> [UInt8] {
        var sizes = [durable.count]
        // The changes that touch a sector, in order.
        var touching: [Int: [Int]] = [:]
        for (number, change) in pending.enumerated() {
            var size = sizes[sizes.count - 1]
            var range = 0..<0
            switch change {
            case .write(let offset, let bytes):
                range = offset..<offset + bytes.count
                size = max(size, range.upperBound)
            case .zero(let zeroed): range = zeroed.clamped(to: 0..<size)
            case .resize(let new):
                // What is cut off comes back as zeros.
                if new < size { range = new..<size }
                size = new
            }
            sizes.append(size)
            guard !range.isEmpty else { continue }
            for sector in range.lowerBound / 512...(range.upperBound - 1) / 512 {
                touching[sector, default: []].append(number)
            }
        }
        let size = sizes[random.below(100) < newest ? sizes.count - 1 : random.below(sizes.count)]
        var result = durable
        Self.resize(&result, size)
        // In order, or the same seed would draw something else each time.
        for (sector, numbers) in touching.sorted(by: { $0.key < $1.key }) {
            let isNewest = random.below(100) < newest
            let count = isNewest ? numbers.count : random.below(numbers.count + 1)
            let start = sector * Self.sectorByteCount
            guard count > 0, start < size else { continue }
            let bytes = version(of: start, numbers[..<count])
            let end = min(start + Self.sectorByteCount, size)
            result.replaceSubrange(start..<end, with: bytes[..<(end - start)])
        }
        return result
    }

    /// The sector at `start` with some changes made.
    private func version(of start: Int, _ numbers: ArraySlice<Int>) -> [UInt8] {
        let end = start + Self.sectorByteCount
        var sector = [UInt8](repeating: 0, count: Self.sectorByteCount)
        for index in start..<max(start, min(end, durable.count)) {
            sector[index - start] = durable[index]
        }
        for number in numbers {
            switch pending[number] {
            case .write(let offset, let bytes):
                for index in max(start, offset)..<min(end, offset + bytes.count) {
                    sector[index - start] = bytes[index - offset]
                }
            case .zero(let range):
                for index in range.clamped(to: start..<end) { sector[index - start] = 0 }
            case .resize(let size):
                for index in max(start, size)..<max(end, size) where index < end {
                    sector[index - start] = 0
                }
            }
        }
        return sector
    }
}
