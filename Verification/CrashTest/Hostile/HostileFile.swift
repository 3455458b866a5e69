@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting

/// The files of one database while they are being damaged.
struct HostileFile {
    /// What the damage may do.
    enum Kind {
        /// Checksums are as they were: what is read must be right, or an error.
        case damaged
        /// Checksums fit again, or were never wrong: anything may be read, nothing may break.
        case forged
    }

    let image: HostileImage
    var data: [UInt8]
    var log: [UInt8]?
    var kind: Kind
    var random: SeededRandom
    /// What was done, for a person.
    var story: [String] = []

    /// An image with one to four lies in it.
    init(_ image: HostileImage, _ pool: HostilePool, seed: UInt64) {
        self.image = image
        random = SeededRandom(seed: seed)
        data = image.data
        log = image.log
        kind = random.oneIn(2) ? .forged : .damaged
        for _ in 0..<[1, 1, 1, 2, 2, 4][random.below(6)] {
            let takesLog = log != nil && random.oneIn(3)
            if takesLog { damageLog(pool) } else { damageData(pool) }
        }
        // Dice of its own: the other lies are as they would be without.
        if kind == .forged, seed % 16 == 5 { shareCell(SeededRandom(seed: ~seed)) }
        if kind == .forged { forge() }
    }

    mutating func tell(_ text: String) { story.append(text) }

    /// A number that is likely to hurt, given the one that was there.
    mutating func number(insteadOf old: UInt64, size: Int) -> UInt64 {
        let mask = size == 8 ? UInt64.max : 1 << UInt64(8 * size) - 1
        let pages = UInt64(image.pageCount)
        let value: UInt64 =
            switch random.below(20) {
            case 0: 0
            case 1: 1
            case 2: 2
            case 3: old &+ 1
            case 4: old &- 1
            case 5: mask
            case 6: mask - UInt64(random.below(4))
            case 7: mask / 2 + UInt64(random.below(3))
            case 8: pages
            case 9: pages &- 1
            case 10: pages &+ 1
            case 11: image.transaction
            case 12: image.transaction + 1 + UInt64(random.below(3))
            case 13: 1 << UInt64(random.below(64))
            case 14: UInt64(random.below(4097))
            case 15: (1 << UInt64(random.below(64))) &- 1
            case 16, 17: UInt64(random.below(image.pageCount))
            case 18: old ^ 1 << UInt64(random.below(8 * size))
            default: random.next()
            }
        return value & mask
    }

    /// A page of any use.
    mutating func anyPage() -> Int { random.below(max(1, image.pageCount)) }

    /// A page that means something.
    mutating func page() -> Int {
        for _ in 0..<8 {
            let page = anyPage()
            if image.kinds[page] != 0, image.runHead[page] == page || random.oneIn(8) {
                return page
            }
        }
        return random.below(2)
    }

    /// Makes every checksum right again.
    private mutating func forge() {
        for page in 0..<data.count / PageFormat.size {
            let start = page * PageFormat.size
            if page < image.pageCount, isEqual(start, PageFormat.size) { continue }
            var head = page
            if page < image.pageCount {
                let old = image.runHead[page]
                if data[old * PageFormat.size + 16] == PageFormat.overflow { head = old }
            }
            PageFormat.seal(head, in: &data)
        }
        if var bytes = log, image.log != bytes {
            LogFormat.seal(&bytes, segmentSize: image.segmentSize)
            log = bytes
        }
    }

    private func isEqual(_ start: Int, _ length: Int) -> Bool {
        withByteView(of: data) { new in
            withByteView(of: image.data) { old in
                new.dropFirst(start).prefix(length).compare(
                    to: old.dropFirst(start).prefix(length)) == 0
            }
        }
    }
}
