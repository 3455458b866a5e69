import Foundation

/// A call that a program made, as Verification/PowerLossRecorder/recorder.c wrote it down.
struct RecordedCall {
    enum Kind: UInt32 {
        case created = 1
        case written
        case resized
        case zeroed
        case syncBegins
        case syncEnds
        case directorySyncBegins
        case directorySyncEnds
        case renamed
        case linked
        case unlinked
        case notUnderstood
    }

    var kind: Kind
    /// Relative to the recorded directory.
    var name: String
    /// The second name of a rename or a link.
    var otherName: String
    /// Tells syncs apart; a sync has two records.
    var sync: UInt32
    var inode: UInt64
    var offset: Int
    /// Of a resize: the new size.
    var length: Int
    /// What was written.
    var bytes: [UInt8]

    private static let headerByteCount = 40

    /// Reads a whole recording.
    static func all(in path: String) throws -> [RecordedCall] {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var calls: [RecordedCall] = []
        var position = 0
        func number(_ at: Int, _ count: Int) -> UInt64 {
            (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(data[position + at + $1]) }
        }
        while position < data.count {
            guard data.count - position >= headerByteCount,
                let kind = Kind(rawValue: UInt32(number(0, 4)))
            else { throw Failure("the recording is broken at byte \(position)") }
            let nameLength = Int(number(4, 4))
            let otherLength = Int(number(8, 4))
            var call = RecordedCall(
                kind: kind, name: "", otherName: "", sync: UInt32(number(12, 4)),
                inode: number(16, 8), offset: Int(number(24, 8)), length: Int(number(32, 8)),
                bytes: [])
            position += headerByteCount
            let contentLength = kind == .written ? call.length : 0
            guard data.count - position >= nameLength + otherLength + contentLength else {
                throw Failure("the recording ends in a record")
            }
            func take(_ count: Int) -> ArraySlice<UInt8> {
                defer { position += count }
                return data[position..<position + count]
            }
            call.name = String(decoding: take(nameLength), as: UTF8.self)
            call.otherName = String(decoding: take(otherLength), as: UTF8.self)
            call.bytes = Array(take(contentLength))
            calls.append(call)
        }
        return calls
    }
}
