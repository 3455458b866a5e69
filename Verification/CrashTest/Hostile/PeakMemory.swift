import Foundation

/// How much memory the process takes at most from a moment on, beyond what it had then.
///
/// Linux counts it (`VmHWM`) and can be told to begin anew. What an earlier case freed and the
/// allocator kept is not counted when it is used again; but then it was counted the first time.
final class PeakMemory {
    private let status: FileHandle
    private let reset: FileHandle
    private var before = 0

    /// nil where the system has no such count.
    init?() {
        #if os(Linux)
            guard let status = FileHandle(forReadingAtPath: "/proc/self/status"),
                let reset = FileHandle(forWritingAtPath: "/proc/self/clear_refs")
            else { return nil }
            self.status = status
            self.reset = reset
        #else
            return nil
        #endif
    }

    func begin() {
        try? reset.write(contentsOf: Data("5".utf8))
        before = peak
    }

    /// Bytes since ``begin()``.
    var byteCount: Int { peak - before }

    private var peak: Int {
        try? status.seek(toOffset: 0)
        guard let data = try? status.read(upToCount: 4096),
            let start = data.range(of: Data("VmHWM:".utf8))?.upperBound
        else { return 0 }
        var kilobytes = 0
        for byte in data[start...] {
            if byte == UInt8(ascii: "\n") { break }
            if byte >= 48, byte < 58 { kilobytes = kilobytes * 10 + Int(byte - 48) }
        }
        return kilobytes << 10
    }
}
