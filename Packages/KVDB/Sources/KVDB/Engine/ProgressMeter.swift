import StorageIO

/// Tells a closure how far long work is: rarely enough to cost nothing, and often enough for a person who looks
/// on. What the closure throws is to end the work: the meter throws it on, and from then on again and again.
///
/// Used by one thread.
final class ProgressMeter {
    typealias Report = (Database.Progress) throws(StorageError) -> Void

    private let report: Report?
    private let start: UInt64
    private var phaseStart: UInt64
    private var phase = Database.Progress.Phase.checking
    private var unit = Database.Progress.Unit.pages
    private var done = 0
    private var total: Int?
    /// What was gone through since the last report, in entries.
    private var weight = 0
    /// What the closure threw: for work that takes errors for something else.
    private(set) var stop: StorageError?

    /// After so many entries the closure is told.
    private static var pace: Int { 4096 }
    /// To read and check a page takes about as long as so many entries.
    private static var weightOfPage: Int { 16 }
    /// So many bytes take about as long as an entry.
    private static var bytesPerEntry: Int { 256 }

    /// A meter that tells `report`, or nobody.
    init(_ report: Report? = nil) {
        self.report = report
        start = report == nil ? 0 : System.now
        phaseStart = start
    }

    /// Runs `body` with a meter for a closure that is only lent. `body` must not keep the meter.
    static func running<Result>(
        _ report: (Database.Progress) throws(StorageError) -> Void,
        _ body: (ProgressMeter) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withoutActuallyEscaping(report) { report throws(StorageError) -> Result in
            try body(ProgressMeter(report))
        }
    }

    /// Begins a phase.
    func begin(
        _ phase: Database.Progress.Phase, _ unit: Database.Progress.Unit, total: Int? = nil
    ) throws(StorageError) {
        self.phase = phase
        self.unit = unit
        self.total = total
        done = 0
        guard report != nil else { return }
        phaseStart = System.now
        try tell()
    }

    /// Says that so many pages more are done.
    func advance(pages: Int) throws(StorageError) {
        done += pages
        try add(pages * Self.weightOfPage)
    }

    /// Says that an entry more is done.
    ///
    /// - Parameters:
    ///   - byteCount: how long it is.
    ///   - position: where the phase is now, if it does not count entries.
    func advanceEntry(byteCount: Int, position: Int? = nil) throws(StorageError) {
        if let position { done = position } else { done += 1 }
        try add(1 + byteCount / Self.bytesPerEntry)
    }

    /// Ends the phase: all of it is done.
    func end() throws(StorageError) {
        if total != nil { total = done }
        try tell()
    }

    private func add(_ more: Int) throws(StorageError) {
        weight += more
        if weight >= Self.pace { try tell() }
    }

    private func tell() throws(StorageError) {
        weight = 0
        guard let report else { return }
        if let stop { throw stop }
        let now = System.now
        let nanoseconds = Double(now &- phaseStart)
        do throws(StorageError) {
            try report(
                Database.Progress(
                    phase: phase, unit: unit, done: done, total: total.map { max($0, done) },
                    elapsed: .nanoseconds(Int64(clamping: now &- start)),
                    rate: done > 0 && nanoseconds > 0 ? Double(done) * 1e9 / nanoseconds : 0))
        } catch {
            stop = error
            throw error
        }
    }
}

extension Int {
    /// The sum, or the largest number where it would be beyond: forged roots claim any number of entries.
    func addingClamped(_ count: UInt64) -> Int {
        let (sum, isBeyond) = addingReportingOverflow(Int(clamping: count))
        return isBeyond ? .max : sum
    }
}
