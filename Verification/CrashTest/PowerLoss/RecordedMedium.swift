import StorageIO
import StorageIOTesting

/// The files and names of a recording as it goes on, and what a power loss at each moment leaves.
///
/// The rules are those of Docs/Testing.md, "The fault model", written down a second time: this shares
/// nothing with `CrashingFileSystem`, so that a mistake in either shows as a difference.
struct RecordedMedium {
    private enum NameChange {
        case add(String, RecordedFile)
        case remove(String)
        case move(String, String, RecordedFile)

        var names: [String] {
            switch self {
            case .add(let name, _), .remove(let name): [name]
            case .move(let from, let to, _): [from, to]
            }
        }

        func apply(to names: inout [String: RecordedFile]) {
            switch self {
            case .add(let name, let file): names[name] = file
            case .remove(let name): names[name] = nil
            case .move(let from, let to, let file):
                names[from] = nil
                names[to] = file
            }
        }
    }

    /// How many kinds of survival ``survivors(_:seed:)`` knows.
    static let variantCount = 12

    private var files: [UInt64: RecordedFile] = [:]
    private var durableNames: [String: RecordedFile] = [:]
    private(set) var names: [String: RecordedFile] = [:]
    private var pendingNames: [NameChange] = []
    private var firstPendingName = 0
    /// Where syncs under way began: the next change's number then.
    private var syncs: [UInt32: Int] = [:]

    /// Makes one call.
    mutating func take(_ call: RecordedCall) throws {
        switch call.kind {
        case .created:
            let file = RecordedFile()
            files[call.inode] = file
            change(.add(call.name, file))
        case .written: try file(call).change(.write(call.offset, call.bytes))
        case .resized: try file(call).change(.resize(call.length))
        case .zeroed: try file(call).change(.zero(call.offset..<call.offset + call.length))
        case .syncBegins: syncs[call.sync] = try file(call).nextNumber
        case .syncEnds: try file(call).makeDurable(before: syncs[call.sync] ?? 0)
        case .directorySyncBegins: syncs[call.sync] = firstPendingName + pendingNames.count
        case .directorySyncEnds: makeNamesDurable(before: syncs[call.sync] ?? 0)
        case .renamed: change(.move(call.name, call.otherName, try named(call.name)))
        case .linked: change(.add(call.otherName, try named(call.name)))
        case .unlinked: change(.remove(call.name))
        case .notUnderstood:
            throw Failure("the recorder does not know what a call does: \(call.name)")
        }
    }

    private func file(_ call: RecordedCall) throws -> RecordedFile {
        guard let file = files[call.inode] else {
            throw Failure("a \(call.kind) of a file whose creation was not recorded")
        }
        return file
    }

    private func named(_ name: String) throws -> RecordedFile {
        guard let file = names[name] else { throw Failure("there is no file \(name)") }
        return file
    }

    private mutating func change(_ change: NameChange) {
        pendingNames.append(change)
        change.apply(to: &names)
    }

    private mutating func makeNamesDurable(before number: Int) {
        let count = min(max(0, number - firstPendingName), pendingNames.count)
        for change in pendingNames[..<count] { change.apply(to: &durableNames) }
        pendingNames.removeFirst(count)
        firstPendingName += count
    }

    /// What a power loss now leaves: names and contents.
    func survivors(_ variant: Int, seed: UInt64) -> [(name: String, bytes: [UInt8])] {
        var random = SeededRandom(seed: seed &* 31 &+ UInt64(variant))
        let left = survivingNames(variant, &random)
        return left.sorted { $0.key < $1.key }.map { name, file in
            (name, content(of: file, variant, &random))
        }
    }

    private func survivingNames(
        _ variant: Int, _ random: inout SeededRandom
    ) -> [String: RecordedFile] {
        var left = durableNames
        switch variant {
        case 0: break
        case 1, 2: return names
        case 3, 4, 5:
            // As a journal has them: all up to some moment.
            let count = random.below(pendingNames.count + 1)
            for change in pendingNames[..<count] { change.apply(to: &left) }
        default:
            // Each on its own, but no change of a name without the ones before it.
            var lost: Set<String> = []
            for change in pendingNames {
                if lost.isDisjoint(with: change.names), random.below(3) > 0 {
                    change.apply(to: &left)
                } else {
                    lost.formUnion(change.names)
                }
            }
        }
        return left
    }

    private func content(
        of file: RecordedFile, _ variant: Int, _ random: inout SeededRandom
    ) -> [UInt8] {
        switch variant {
        case 0: file.durable
        case 1: file.current
        case 2: file.scattered(newest: 0, &random)
        case 3: file.prefix(random.below(file.pending.count + 1))
        case 4: random.oneIn(2) ? file.durable : file.current
        case 5: file.prefix(max(0, file.pending.count - 1))
        case 6, 7: file.scattered(newest: 50, &random)
        case 8: file.scattered(newest: 95, &random)
        case 9: file.scattered(newest: 10, &random)
        default: file.scattered(newest: random.below(101), &random)
        }
    }
}
