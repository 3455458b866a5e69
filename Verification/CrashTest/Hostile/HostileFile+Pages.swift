@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting

// Pages and ranges that are elsewhere, missing, or another file's.
extension HostileFile {
    /// Two pages change places, or one lies over another.
    mutating func movePage() {
        let source = page()
        let target = page()
        let first = data.part(source * PageFormat.size, PageFormat.size)
        if random.oneIn(2) {
            data.put(
                data.part(target * PageFormat.size, PageFormat.size), at: source * PageFormat.size)
            renumber(source)
        }
        data.put(first, at: target * PageFormat.size)
        renumber(target)
        tell("page \(source) over page \(target)")
    }

    /// A forger makes a page fit its place.
    private mutating func renumber(_ page: Int) {
        guard kind == .forged, !random.oneIn(8) else { return }
        data.put(UInt32(truncatingIfNeeded: page), at: page * PageFormat.size + 4)
        if random.oneIn(4) { data.put(image.transaction + 1, at: page * PageFormat.size + 8) }
    }

    mutating func changeLength() {
        switch random.below(6) {
        case 0: data.removeLast(random.below(data.count + 1))
        case 1: data.removeLast(min(data.count, PageFormat.size * random.below(4)))
        case 2: data.removeLast(min(data.count, random.below(PageFormat.size)))
        case 3: data.append(contentsOf: random.bytes(random.below(3 * PageFormat.size)))
        case 4:
            data.append(
                contentsOf: [UInt8](repeating: 0, count: PageFormat.size * random.below(40)))
        default: data.append(contentsOf: data.part(0, random.below(data.count)))
        }
        tell("length \(data.count)")
    }

    /// Zeros, ones or noise.
    mutating func fillRange() {
        let length = [16, 512, 4096, 4096, 16_384][random.below(5)]
        var start = random.below(max(1, data.count))
        if length >= 512, random.oneIn(2) { start &= ~(length - 1) }
        let bytes: [UInt8] =
            switch random.below(3) {
            case 0: [UInt8](repeating: 0, count: length)
            case 1: [UInt8](repeating: 0xFF, count: length)
            default: random.bytes(length)
            }
        data.put(bytes, at: start)
        tell("\(length) bytes from \(start)")
    }

    /// Parts of an older state of the same database, or of another one.
    mutating func splice(_ pool: HostilePool) {
        // Older pages are whole, so nobody can tell them from their checksums.
        kind = .forged
        let isOlder = random.oneIn(2)
        let donor = isOlder ? image : pool.image(&random)
        let other = isOlder ? image.older.data : donor.data
        guard other.count >= 3 * PageFormat.size else { return }
        switch random.below(5) {
        case 0:
            data.put(other.part(0, 2 * PageFormat.size), at: 0)
            tell("both superblocks of \(donor.name), older \(isOlder)")
        case 1:
            let slot = random.below(2)
            data.put(
                other.part(slot * PageFormat.size, PageFormat.size), at: slot * PageFormat.size)
            tell("superblock \(slot) of \(donor.name), older \(isOlder)")
        case 2:
            let slots = data.part(0, 2 * PageFormat.size)
            data = other
            data.put(slots, at: 0)
            tell("all pages of \(donor.name), older \(isOlder)")
        default:
            for _ in 0...random.below(4) {
                let source = 2 + random.below(other.count / PageFormat.size - 2)
                let target = random.oneIn(2) ? source : page()
                data.put(
                    other.part(source * PageFormat.size, PageFormat.size),
                    at: target * PageFormat.size)
                if target != source { renumber(target) }
                tell("page \(target) from page \(source) of \(donor.name), older \(isOlder)")
            }
        }
    }
}
