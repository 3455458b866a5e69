import StorageIO
import StorageIOTesting
import Testing

/// What every `File` promises, held over the system's files, files in memory and crashing ones.
@Suite struct FileTests {
    @Test(arguments: FileSystemKind.allCases)
    func readsAreShortOnlyAtTheEnd(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        #expect(try file.readBytes(10).isEmpty)
        try file.writeBytes([1, 2, 3, 4, 5])
        #expect(try file.size() == 5)
        #expect(try file.readBytes(5) == [1, 2, 3, 4, 5])
        #expect(try file.readBytes(10, at: 3) == [4, 5])
        #expect(try file.readBytes(10, at: 5).isEmpty)
        #expect(try file.readBytes(10, at: 1 << 40).isEmpty)
        #expect(try file.readBytes(10, at: .max).isEmpty)
        #expect(try file.readBytes(0).isEmpty)
    }

    @Test(arguments: FileSystemKind.allCases)
    func writingBeyondTheEndLeavesZeros(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        try file.writeBytes([1, 2])
        try file.writeBytes([9], at: 200_000)
        #expect(try file.size() == 200_001)
        let all = try file.readAll()
        #expect(all.count == 200_001)
        #expect(all[0] == 1 && all[1] == 2 && all[200_000] == 9)
        #expect(all[2..<200_000].allSatisfy { $0 == 0 })
        try file.writeBytes([], at: 300_000)
        #expect(try file.size() == 200_001)
    }

    @Test(arguments: FileSystemKind.allCases)
    func truncateCutsAndExtendsWithZeros(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        try file.writeBytes([UInt8](repeating: 7, count: 150_000))
        try file.truncate(to: 70_000)
        #expect(try file.size() == 70_000)
        try file.truncate(to: 140_000)
        let all = try file.readAll()
        #expect(all.count == 140_000)
        #expect(all[..<70_000].allSatisfy { $0 == 7 })
        #expect(all[70_000...].allSatisfy { $0 == 0 })
        try file.truncate(to: 0)
        #expect(try file.readAll().isEmpty)
    }

    @Test(arguments: FileSystemKind.allCases)
    func preallocateExtendsAndKeepsContent(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        try file.writeBytes([1, 2, 3])
        try file.preallocate(100_000, at: 0)
        #expect(try file.size() == 100_000)
        #expect(try file.readBytes(5) == [1, 2, 3, 0, 0])
        try file.preallocate(10, at: 0)
        try file.preallocate(0, at: 500_000)
        #expect(try file.size() == 100_000)
        try file.sync()
    }

    @Test(arguments: FileSystemKind.allCases)
    func rangesThatNoFileCanHaveAreErrors(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        #expect(errorCode { try file.writeBytes([1], at: .max) } == .fileTooLarge)
        #expect(errorCode { try file.writeBytes([1], at: .max - 1) } == .fileTooLarge)
        #expect(errorCode { try file.truncate(to: .max) } == .fileTooLarge)
        #expect(errorCode { try file.preallocate(.max, at: .max) } == .fileTooLarge)
        #expect(errorCode { try file.preallocate(2, at: .max) } == .fileTooLarge)
        #expect(try file.size() == 0)
    }

    @Test(arguments: FileSystemKind.allCases)
    func aReadOnlyHandleRefusesToWrite(_ kind: FileSystemKind) throws {
        let place = try Place(kind)
        try place.open("a").writeBytes([1, 2, 3])
        let file = try place.open("a", .readOnly)
        #expect(try file.readAll() == [1, 2, 3])
        #expect(errorCode { try file.writeBytes([1]) } == .readOnly)
        #expect(errorCode { try file.truncate(to: 1) } == .readOnly)
        #expect(errorCode { try file.preallocate(10, at: 0) } == .readOnly)
        #expect(errorCode { try file.lock(exclusive: true) } == .readOnly)
        try file.lock(exclusive: false)
        #expect(try file.readAll() == [1, 2, 3])
    }

    @Test(arguments: FileSystemKind.allCases)
    func aClosedHandleRefusesEverything(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        try file.writeBytes([1])
        file.close()
        file.close()
        #expect(errorCode { _ = try file.readBytes(1) } == .closed)
        #expect(errorCode { try file.writeBytes([1]) } == .closed)
        #expect(errorCode { try file.sync() } == .closed)
        #expect(errorCode { _ = try file.size() } == .closed)
        #expect(errorCode { try file.truncate(to: 0) } == .closed)
        #expect(errorCode { try file.preallocate(1, at: 0) } == .closed)
        #expect(errorCode { try file.lock(exclusive: true) } == .closed)
        #expect(storageError { try file.sync() }?.path == file.path)
    }

    @Test(arguments: FileSystemKind.allCases, Seeds.first(4))
    func randomOperationsMatchAnArray(_ kind: FileSystemKind, _ seed: UInt64) throws {
        let again: Comment = "\(Seeds.again(seed))"
        var random = SeededRandom(seed: seed)
        let file = try Place(kind).open("a")
        var model: [UInt8] = []
        func extend(_ count: Int) {
            if model.count < count {
                model += [UInt8](repeating: 0, count: count - model.count)
            }
        }
        for step in 0..<300 {
            let offset = random.below(random.oneIn(4) ? 300_000 : 9_000)
            let count = random.below(random.oneIn(8) ? 140_000 : 5_000)
            switch random.below(10) {
            case 0:
                try file.truncate(to: UInt64(offset))
                if model.count > offset { model.removeLast(model.count - offset) }
                extend(offset)
            case 1:
                try file.preallocate(UInt64(count), at: UInt64(offset))
                if count > 0 { extend(offset + count) }
            case 2: try file.sync()
            case 3...6:
                let bytes = random.bytes(count)
                try file.writeBytes(bytes, at: UInt64(offset))
                if count > 0 {
                    extend(offset + count)
                    model.replaceSubrange(offset..<offset + count, with: bytes)
                }
            default:
                let expected = Array(model.dropFirst(offset).prefix(count))
                let read = try file.readBytes(count, at: UInt64(offset))
                try #require(read == expected, "step \(step). \(again)")
            }
            try #require(try file.size() == UInt64(model.count), "step \(step). \(again)")
        }
        #expect(try file.readAll() == model, again)
    }

    @Test(arguments: FileSystemKind.allCases)
    func threadsWriteAndReadSideBySide(_ kind: FileSystemKind) throws {
        let file = try Place(kind).open("a")
        let threads = try (0..<4).map { thread in
            try SystemThread {
                for round in 0..<50 {
                    let bytes = [UInt8](repeating: UInt8(thread * 50 + round), count: 5_000)
                    let offset = UInt64((round * 4 + thread) * 5_000)
                    guard errorCode({ try file.writeBytes(bytes, at: offset) }) == nil,
                        (try? file.readBytes(5_000, at: offset)) == bytes
                    else { return }
                }
            }
        }
        for thread in threads { thread.join() }
        let all = try file.readAll()
        #expect(all.count == 1_000_000)
        for part in 0..<200 {
            let value = UInt8(part % 4 * 50 + part / 4)
            let range = part * 5_000..<(part + 1) * 5_000
            #expect(all[range].allSatisfy { $0 == value }, "part \(part)")
        }
    }
}
