import Foundation
import Testing

@testable import KVBenchCore

/// What is made of the figures.
@Suite struct ReportTests {
    /// A report with results that were made up.
    private func report(_ results: [RunResult]) -> BenchmarkReport {
        let plan = BenchmarkPlan(
            engines: ["raw", "kvdb", "lmdb", "leveldb"],
            workloads: WorkloadCatalog.all, scale: 1, rounds: 3, dataDirectory: "", program: "")
        var report = BenchmarkReport(plan)
        report.results = results
        return report
    }

    private func result(
        _ engine: String, _ workload: String, rate: Double, round: Int = 0, p50: UInt64 = 1000
    ) -> RunResult {
        var result = RunResult(engine: engine, workload: workload, round: round)
        result.operations = 1000
        result.seconds = 1000 / rate
        result.latency = Latency([UInt64](repeating: p50, count: 10))
        return result
    }

    @Test func mediansAndRangesAreThoseOfTheValues() throws {
        let odd = try #require(Spread([3, 1, 2]))
        #expect(odd.median == 2 && odd.minimum == 1 && odd.maximum == 3)
        #expect(try #require(Spread([4, 1, 2, 3])).median == 2.5)
        #expect(Spread([]) == nil)
    }

    @Test func percentilesOfKnownSamplesWithinTheHistogramsThreeDigits() throws {
        let latency = try #require(Latency((1...10_000).map { UInt64($0 * 100) }))
        #expect(abs(latency.p50 - 500_000) < 1000)
        #expect(abs(latency.p99 - 990_000) < 2000)
        #expect(abs(latency.p999 - 999_000) < 2000)
        #expect(latency.sampleCount == 10_000)
        #expect(Latency([]) == nil)
    }

    @Test func figuresPerOperationPayloadByteAndEntry() {
        var result = result("kvdb", "batch-put", rate: 500)
        #expect(result.value(.rate).map { $0.rounded() } == 500)
        #expect(result.value(.writtenPerPayload) == nil)
        result.payloadBytes = 100
        result.writtenBytes = 250
        result.fileBytes = 1700
        result.entries = 10
        result.figures["file MB/s"] = 5
        #expect(result.value(.writtenPerPayload) == 2.5)
        #expect(result.value(.filePerEntry) == 170)
        #expect(result.value(.figure("file MB/s")) == 5)
        #expect(result.value(.figure("else")) == nil)
    }

    @Test func theBestPeerHasTheHighestRateTheLowestTimeAndIsNeverRawOrTheDatabase() {
        let report = report([
            result("raw", "get-random", rate: 9000, p50: 1),
            result("kvdb", "get-random", rate: 8000, p50: 2),
            result("lmdb", "get-random", rate: 2000, p50: 500),
            result("leveldb", "get-random", rate: 1000, p50: 300),
        ])
        #expect(report.bestPeer("get-random", .rate)?.engine == "lmdb")
        #expect(report.bestPeer("get-random", .p50)?.engine == "leveldb")
        #expect(report.bestPeer("get-random", .rate, among: ["leveldb"])?.engine == "leveldb")
        #expect(report.bestPeer("scan-short", .rate) == nil)
    }

    @Test func aTargetIsHitFromItsFactorOnAndMissedBelow() throws {
        let report = report([
            result("raw", "get-random", rate: 10_000), result("kvdb", "get-random", rate: 5000),
            result("lmdb", "get-random", rate: 2000, p50: 4000),
        ])
        let half = Target("get-random", .ofRaw(0.5)).row(report)
        #expect(half.outcome == .hit && half.ofRaw == 0.5 && half.ofBest == 2.5)
        #expect(Target("get-random", .ofRaw(0.51)).row(report).outcome == .missed)
        #expect(Target("get-random", .ofBest(2.5)).row(report).outcome == .hit)
        #expect(Target("get-random", .ofBest(2.6)).row(report).outcome == .missed)
        // Of times, less is better.
        let time = Target("get-random", .ofBest(4), .p50).row(report)
        #expect(time.outcome == .hit)
        #expect(Target("get-random", .atMost(999), .p50).row(report).outcome == .missed)
        #expect(Target("get-random", .atMost(1001), .p50).row(report).outcome == .hit)
        #expect(Target("get-random", .atMostTimesRaw(1), .p50).row(report).outcome == .hit)
        #expect(Target("get-random", .reported).row(report).outcome == .open)
        #expect(Target("scan-short", .ofBest(3)).row(report).outcome == .open)
    }

    @Test func everyTargetIsAboutAWorkloadThatThereIs() {
        let names = Set(WorkloadCatalog.all.map(\.name))
        #expect(names.count == WorkloadCatalog.all.count)
        for target in Targets.all { #expect(names.contains(target.workload)) }
    }

    @Test func aReportGoesToJSONAndBack() throws {
        let report = report([result("kvdb", "get-random", rate: 5000)])
        let again = try BenchmarkReport(json: report.json())
        #expect(again.results.count == 1)
        #expect(again.median("kvdb", "get-random", .rate)?.rounded() == 5000)
        #expect(again.workloads == report.workloads)
    }

    @Test func thePageOfPlotsIsWellFormedAndNamesWhatMayNotStandInXMLInOtherWords() throws {
        let workloads = ["get-random", "growth-10000", "growth-100000"]
        let report = report(
            workloads.flatMap { workload in
                ["raw", "kvdb", "lmdb"].map { result($0, workload, rate: 5000) }
            })
        let page = HTMLReport(report).page()
        let drawings = page.matches(of: /(?s)<svg.*?<\/svg>/)
        #expect(drawings.count >= 5)
        for drawing in drawings { #expect(isWellFormed(String(drawing.0))) }
        #expect(SVGCanvas.escaped("a<b & \"c\"") == "a&lt;b &amp; &quot;c&quot;")
    }

    /// Whether every element that begins ends, in the right order.
    private func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = []
        for tag in text.matches(of: /<(\/?)([a-z]+)[^>]*?(\/?)>/) {
            if !tag.1.isEmpty {
                guard open.popLast() == tag.2 else { return false }
            } else if tag.3.isEmpty {
                open.append(tag.2)
            }
        }
        return open.isEmpty
    }

    @Test func figuresAreWrittenWithThreeDigitsAndTheUnitThatFits() {
        #expect(Format.rate(4460) == "4.46 k")
        #expect(Format.rate(12.34) == "12.3")
        #expect(Format.time(1510) == "1.51 µs")
        #expect(Format.time(193_050_000) == "193 ms")
        #expect(Format.bytes(323_000_000) == "323 MB")
        #expect(Format.factor(2.5) == "2.5")
        #expect(Format.factor(3) == "3")
    }

    @Test func namesAreChosenByListsAndStarsOthersAreRefusedByName() throws {
        let names = ["get-random", "get-absent", "scan-short"]
        #expect(try Selection.choose("*", from: names, kind: "workload") == names)
        #expect(
            try Selection.choose("scan-short,get-*", from: names, kind: "workload") == names)
        #expect(throws: BenchmarkError.self) {
            try Selection.choose("put", from: names, kind: "workload")
        }
        #expect(throws: BenchmarkError.self) {
            try Selection.choose("", from: names, kind: "workload")
        }
    }
}
