@_spi(Engine) import DatabaseTesting
import StorageIO
import StorageIOTesting

// Lies in the log.
extension HostileFile {
    mutating func damageLog(_ pool: HostilePool) {
        guard var bytes = log, !bytes.isEmpty else { return }
        defer { if log != nil { log = bytes } }
        let size = image.segmentSize
        let slots = max(1, bytes.count / size)
        switch random.below(16) {
        case 0:
            for _ in 0...random.below(3) {
                let offset = random.below(bytes.count)
                bytes[offset] ^= 1 << UInt8(random.below(8))
                tell("log byte \(offset)")
            }
        case 1, 2, 3:
            let slot = random.below(slots)
            let field = LogFormat.headerFields[random.below(LogFormat.headerFields.count)]
            let old = bytes.u64(slot * size + field.offset)
            let new = position(insteadOf: old, size: field.size)
            bytes.put(new, at: slot * size + field.offset, size: field.size)
            tell("segment \(slot) field \(field.offset) = \(new)")
        case 4, 5, 6: changeFrame(&bytes)
        case 7, 8, 9: changeOperations(&bytes)
        case 10:
            bytes.removeLast(random.below(bytes.count + 1))
            tell("log cut to \(bytes.count)")
        case 11:
            bytes.append(contentsOf: random.bytes(random.below(2 * size)))
            tell("log longer, \(bytes.count)")
        case 12: moveSegment(&bytes, slots)
        case 13:
            let length = [8, 64, 512, 4096][random.below(4)]
            let start = random.below(bytes.count) & ~7
            bytes.put(
                random.oneIn(2) ? [UInt8](repeating: 0, count: length) : random.bytes(length),
                at: start)
            tell("\(length) bytes of the log from \(start)")
        case 14:
            log = nil
            tell("no log")
        default:
            spliceLog(&bytes, pool)
        }
    }

    /// A number that hurts where positions are wanted.
    private mutating func position(insteadOf old: UInt64, size: Int) -> UInt64 {
        let mask = size == 8 ? UInt64.max : 1 << UInt64(8 * size) - 1
        switch random.below(5) {
        case 0: return (old &+ UInt64(8 * random.below(64))) & mask
        case 1: return (old &- UInt64(8 * random.below(64))) & mask
        case 2: return ((1 << 62) - UInt64(random.below(3)) * UInt64(image.segmentSize)) & mask
        default: return number(insteadOf: old, size: size)
        }
    }

    private mutating func frame() -> Int? {
        image.frames.isEmpty ? nil : image.frames[random.below(image.frames.count)]
    }

    private mutating func changeFrame(_ bytes: inout [UInt8]) {
        guard let frame = frame() else { return }
        let field = LogFormat.frameFields[random.below(LogFormat.frameFields.count)]
        let old =
            field.size == 8
            ? bytes.u64(frame + field.offset) : UInt64(bytes.u32(frame + field.offset))
        let new = position(insteadOf: old, size: field.size)
        bytes.put(new, at: frame + field.offset, size: field.size)
        tell("frame at \(frame) field \(field.offset) = \(new)")
    }

    /// The operations of a record: codes, lengths, names.
    private mutating func changeOperations(_ bytes: inout [UInt8]) {
        guard let frame = frame(), bytes.u32(frame + 4) > 0 else { return }
        let payload = frame + LogFormat.frameSize
        let end = min(bytes.count, payload + bytes.u32(frame + 4))
        // Where the operations begin, as far as they can be followed.
        var starts: [Int] = []
        var offset = payload
        while offset + 3 < end, starts.count < 400 {
            starts.append(offset)
            let first = bytes.u16(offset + 1)
            switch bytes[offset] {
            case 1: offset += 7 + first + bytes.u32(offset + 3)
            case 2, 4, 5: offset += 3 + first
            default: offset = end
            }
        }
        guard !starts.isEmpty else { return }
        let operation = starts[random.below(starts.count)]
        switch random.below(4) {
        case 0: bytes[operation] = UInt8(random.below(8))
        case 1:
            bytes.put(
                number(insteadOf: UInt64(bytes.u16(operation + 1)), size: 2), at: operation + 1,
                size: 2)
        case 2:
            bytes.put(
                number(insteadOf: UInt64(bytes.u32(operation + 3)), size: 4), at: operation + 3,
                size: 4)
        default: bytes.put(random.bytes(1 + random.below(12)), at: operation + random.below(12))
        }
        tell("operation at \(operation)")
    }

    private mutating func moveSegment(_ bytes: inout [UInt8], _ slots: Int) {
        let size = image.segmentSize
        let first = random.below(slots)
        let second = random.below(slots)
        let old = bytes.part(first * size, size)
        if random.oneIn(2) { bytes.put(bytes.part(second * size, size), at: first * size) }
        bytes.put(old, at: second * size)
        if kind == .forged, random.oneIn(2) {
            bytes.put(
                number(insteadOf: bytes.u64(second * size + 32), size: 8), at: second * size + 32)
        }
        tell("segment \(first) over segment \(second)")
    }

    private mutating func spliceLog(_ bytes: inout [UInt8], _ pool: HostilePool) {
        kind = .forged
        let isOlder = random.oneIn(2)
        let donor = isOlder ? image : pool.image(&random)
        guard let other = isOlder ? image.older.log : donor.log, !other.isEmpty else { return }
        let identity = bytes.part(16, 16)
        if random.oneIn(2) {
            bytes = other
        } else {
            let size = image.segmentSize
            let slot = random.below(max(1, other.count / size))
            bytes.put(
                other.part(slot * size, size), at: size * random.below(max(1, bytes.count / size)))
        }
        if random.oneIn(2) {
            for start in stride(from: 0, to: bytes.count, by: image.segmentSize) {
                bytes.put(identity, at: start + 16)
            }
        }
        tell("log of \(donor.name), older \(isOlder)")
    }
}
