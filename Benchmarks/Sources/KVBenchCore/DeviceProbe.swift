import Foundation

/// Waits until the disk answers small writes as it does at rest.
///
/// Virtual disks let so many bytes and operations pass in a time: after a large copy each sync may take
/// 50 times as long, for ten seconds and more. What ran next would be measured by what ran before it.
final class DeviceProbe {
    /// Syncs of a round, and rounds that must be steady one after the other.
    private static let syncsPerRound = 25
    private static let steadyRounds = 5
    /// A sync that takes so many times the usual one is held up. One in a round may be.
    private static let slowFactor = 4.0
    /// No sync is slow that takes less, in seconds: where syncs cost next to nothing, other things move
    /// them by such factors.
    private static let leastSlow = 0.001
    /// The longest wait, in seconds: some disks are never steady.
    private static let limit = 12.0

    private let path: String
    private let descriptor: Int32
    /// The least median of a round so far, in seconds.
    private var usual = Double.infinity

    /// A probe of the disk that `directory` is on; nil where no file can be made there.
    init?(in directory: String) {
        path = directory + "/probe"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { return nil }
        // What is overwritten later must be there, or each sync would write a journal too.
        for _ in 0..<3 { _ = syncedWrite() }
        // Nothing was made yet, so the disk is at rest if it ever is.
        usual = median((0..<Self.syncsPerRound).map { _ in syncedWrite() })
    }

    deinit {
        close(descriptor)
        unsafe unlink(path)
    }

    /// Waits until several rounds of synced writes are as fast as the fastest known, or for 12 seconds.
    ///
    /// - Returns: seconds waited, and whether the disk is steady now.
    func waitUntilSteady() -> (seconds: Double, isSteady: Bool) {
        let began = Self.now()
        var steady = 0
        while steady < Self.steadyRounds {
            let times = (0..<Self.syncsPerRound).map { _ in syncedWrite() }.sorted()
            usual = min(usual, median(times))
            let isFast =
                times[times.count - 2] <= max(Self.slowFactor * usual, Self.leastSlow)
            steady = isFast ? steady + 1 : 0
            let waited = Self.now() - began
            if steady < Self.steadyRounds, waited > Self.limit { return (waited, false) }
            usleep(100_000)
        }
        return (Self.now() - began, true)
    }

    private func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

    /// Overwrites a page of the file and syncs it; the seconds that took.
    private func syncedWrite() -> Double {
        let began = Self.now()
        let page = [UInt8](repeating: 1, count: 4096)
        _ = unsafe page.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        #if canImport(Darwin)
            _ = fsync(descriptor)
        #else
            _ = fdatasync(descriptor)
        #endif
        return Self.now() - began
    }

    private static func now() -> Double { ProcessInfo.processInfo.systemUptime }
}
