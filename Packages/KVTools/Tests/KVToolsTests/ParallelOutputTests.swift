import StorageIO
import StorageIOTesting
import Testing

@testable import KVTools

/// What goes through another thread comes out whole and in order, or its error does.
@Suite struct ParallelOutputTests {
    /// What the other thread got. Read when that has ended.
    private final class Taken {
        var bytes: [UInt8] = []
        var calls = 0
    }

    @Test(arguments: [0, 1, 1000, 700_000, 5_000_000]) func keepsTheOrder(count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let bytes = random.bytes(count)
        let taken = Taken()
        let output = try ParallelOutput { view in taken.bytes += view.array }
        var position = 0
        while position < count {
            let length = min(count - position, random.number(in: 1...100_000))
            try withByteView(of: Array(bytes[position..<position + length])) {
                view throws(StorageError) in try output.write(view)
            }
            position += length
        }
        try output.finish()
        #expect(taken.bytes == bytes)
        output.cancel()
        #expect(taken.bytes == bytes)
    }

    @Test func anErrorComesBackAndNothingAfterIt() throws {
        let taken = Taken()
        let output = try ParallelOutput { _ throws(StorageError) in
            taken.calls += 1
            if taken.calls == 2 { throw StorageError(.diskFull, "Full.") }
        }
        defer { output.cancel() }
        let piece = [UInt8](repeating: 1, count: 300_000)
        do throws(StorageError) {
            for _ in 0..<100 {
                try withByteView(of: piece) { view throws(StorageError) in try output.write(view) }
            }
            try output.finish()
            Issue.record("the error is lost")
        } catch {
            #expect(error.code == .diskFull)
        }
        output.cancel()
        #expect(taken.calls == 2)
    }

    @Test func theLastPieceMayFailToo() throws {
        let output = try ParallelOutput { _ throws(StorageError) in
            throw StorageError(.inputOutput, "Broken.")
        }
        defer { output.cancel() }
        try withByteView(of: [1, 2, 3]) { view throws(StorageError) in try output.write(view) }
        do throws(StorageError) {
            try output.finish()
            Issue.record("the error is lost")
        } catch {
            #expect(error.code == .inputOutput)
        }
    }

    @Test func cancellingEndsIt() throws {
        let taken = Taken()
        do {
            let output = try ParallelOutput { _ in taken.calls += 1 }
            try withByteView(of: [1]) { view throws(StorageError) in try output.write(view) }
            output.cancel()
        }
        #expect(taken.calls == 0, "what was not handed over is dropped")
    }
}
