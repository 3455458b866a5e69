import Foundation

/// What the system says about this process and its files. Figures that a system doesn't have are nil.
public enum ProcessFigures {
    private static func lines(_ path: String) -> [Substring] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n")
    }

    private static func number(_ name: String, in path: String) -> UInt64? {
        for line in lines(path) where line.hasPrefix(name) {
            let digits = line.dropFirst(name.count).filter(\.isNumber)
            return UInt64(digits)
        }
        return nil
    }

    /// The most memory that was resident since the start or the last `resetPeak`, in bytes.
    static var peakResidentBytes: UInt64? {
        number("VmHWM:", in: "/proc/self/status").map { $0 * 1024 }
    }

    /// The memory resident now, in bytes.
    static var residentBytes: UInt64? {
        number("VmRSS:", in: "/proc/self/status").map { $0 * 1024 }
    }

    /// Lets the peak begin again at what is resident now.
    static func resetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }

    /// Bytes of pages that this process has made dirty in the system's cache, or written past it.
    static var writtenBytes: UInt64? { number("write_bytes:", in: "/proc/self/io") }

    /// Bytes that a folder's files take on the medium; holes count nothing.
    public static func allocatedBytes(below folder: String) -> UInt64 {
        var total: UInt64 = 0
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        for name in names {
            var status = stat()
            // Not by Foundation, which takes the blocks for larger than they are on Linux.
            guard unsafe lstat("\(folder)/\(name)", &status) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            total += UInt64(status.st_blocks) * 512
        }
        return total
    }

    /// The bytes written to the block devices since the start, whoever wrote them.
    static var deviceBytes: UInt64? {
        var sectors: UInt64?
        for line in lines("/proc/diskstats") {
            let fields = line.split(separator: " ")
            // Whole devices only: partitions would count twice.
            guard fields.count > 9, let written = UInt64(fields[9]),
                FileManager.default.fileExists(atPath: "/sys/block/\(fields[2])"),
                !fields[2].hasPrefix("loop"), !fields[2].hasPrefix("dm-")
            else { continue }
            sectors = (sectors ?? 0) + written
        }
        return sectors.map { $0 * 512 }
    }

    /// The name of the processor, how many of them, and the memory in bytes.
    public static var machine: (processor: String, count: Int, memoryBytes: UInt64) {
        let model = lines("/proc/cpuinfo").first { $0.hasPrefix("model name") }
        let name = model?.split(separator: ":").last.map { $0.trimmingPrefix(" ") } ?? "unknown"
        return (
            String(name), ProcessInfo.processInfo.processorCount,
            ProcessInfo.processInfo.physicalMemory
        )
    }
}
