import StorageIO

/// Finds a name's place in a list of names, in constant time however many there are: a hash table with
/// linear probing, never more than half full. Not generic, so that its code is specialized once.
struct NameIndex {
    private var names: [[UInt8]] = []
    /// The hash of each name.
    private var hashes: [UInt64] = []
    /// Places plus one, where the names' hashes lead; 0 is free. A power of two of them.
    private var slots: [UInt32] = []
    /// Drawn at random, so that nobody can choose names whose hashes are the same.
    private let seed = System.randomNumber()
    /// Below that, names are compared one after the other.
    private static let leastIndexed = 8
    /// How many names were compared with one that was looked for.
    private(set) var comparisonCount = 0

    var count: Int { names.count }

    /// The name at a place.
    func name(at index: Int) -> [UInt8] { names[index] }

    /// The place of `name`, nil when it is not in the list.
    mutating func index(of name: [UInt8]) -> Int? {
        guard !slots.isEmpty else {
            comparisonCount += names.count
            return names.firstIndex(of: name)
        }
        let hash = hash(name)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash {
                comparisonCount += 1
                if names[index] == name { return index }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a name that is not in the list at its end.
    mutating func append(_ name: [UInt8]) {
        names.append(name)
        hashes.append(hash(name))
        if names.count * 2 > slots.count {
            if names.count > Self.leastIndexed { rebuild() }
        } else {
            insert(names.count - 1)
        }
    }

    // MARK: The table

    private func hash(_ name: [UInt8]) -> UInt64 {
        var hash = seed
        for byte in name {
            hash = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash
    }

    private mutating func rebuild() {
        var count = 32
        while count < names.count * 4 { count *= 2 }
        slots = [UInt32](repeating: 0, count: count)
        for index in names.indices { insert(index) }
    }

    private mutating func insert(_ index: Int) {
        var slot = Int(truncatingIfNeeded: hashes[index]) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(index + 1)
    }
}
