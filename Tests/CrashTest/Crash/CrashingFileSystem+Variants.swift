import StorageIO
import StorageIOTesting

extension CrashingFileSystem {
    /// What a power cut now leaves: nothing, everything, then subsets of each kind in turns.
    func survivors(variant: Int, seed: UInt64) -> CrashingFileSystem {
        if variant < 2 { return survivors(variant == 0 ? .none : .all) }
        let kinds: [Survival] = [.prefix, .tornLastWrite, .random, .garbage]
        return survivors(kinds[variant % kinds.count], seed: seed &* 1000 &+ UInt64(variant))
    }

    /// The same files, all durable, without faults and counts.
    func copy() -> CrashingFileSystem { survivors(.all) }

    /// A number that differs, most probably, between file systems of different content.
    var fingerprint: UInt64 {
        var sum: UInt64 = 0
        for path in paths {
            guard let file = try? open(path, .readOnly), let bytes = try? file.readAll() else {
                continue
            }
            defer { file.close() }
            let checksum = bytes.withByteView { CRC32C.checksum($0) }
            for number in [UInt64(checksum), UInt64(bytes.count), UInt64(path.utf8.count)] {
                sum = (sum ^ number) &* 0x9E37_79B9_7F4A_7C15
                sum ^= sum >> 29
            }
        }
        return sum
    }
}
