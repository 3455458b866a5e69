import Foundation

/// What is to be run, and where.
public struct BenchmarkPlan: Sendable {
    /// Engines by name, in the order in which they take turns.
    public var engines: [String]
    /// Workloads, already at their scale.
    public var workloads: [Workload]
    /// The share of the full size, from just above 0 to 1.
    public var scale: Double
    /// How often each engine runs each workload.
    public var rounds: Int
    /// The folder for the databases. It should be on the disk that is of interest.
    public var dataDirectory: String
    /// The program that runs one workload in a process of its own.
    public var program: String

    /// A plan.
    public init(
        engines: [String], workloads: [Workload], scale: Double, rounds: Int,
        dataDirectory: String, program: String
    ) {
        self.engines = engines
        self.workloads = workloads
        self.scale = scale
        self.rounds = rounds
        self.dataDirectory = dataDirectory
        self.program = program
    }
}

/// Runs a plan. Workload by workload the engines take turns, A B C A B C, so that what is compared ran
/// within minutes; each run is a process of its own, so that its memory is its own.
public final class Conductor {
    /// Longer than any run takes; one that does is stopped and reported as failed.
    static let childLimitSeconds = 900.0

    private let plan: BenchmarkPlan
    private let say: (String) -> Void
    private let files = FileManager.default
    private var results: [RunResult] = []
    private var failures: [RunFailure] = []
    /// Datasets that could not be made, so that it isn't tried again.
    private var missing: Set<String> = []
    private var probe: DeviceProbe?

    /// - Parameter say: is told what goes on, a line at a time.
    public init(_ plan: BenchmarkPlan, say: @escaping (String) -> Void) {
        self.plan = plan
        self.say = say
    }

    /// Runs everything. `onResult` is given the report so far after each workload, so that a long run
    /// that is cut short leaves something.
    public func run(onResult: (BenchmarkReport) throws -> Void) throws -> BenchmarkReport {
        try files.createDirectory(
            atPath: plan.dataDirectory, withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: plan.dataDirectory) }
        probe = DeviceProbe(in: plan.dataDirectory)
        defer { probe = nil }
        var report = BenchmarkReport(plan)
        for (index, workload) in plan.workloads.enumerated() {
            for round in 0..<plan.rounds {
                for engine in plan.engines where EngineCatalog.runs(workload, on: engine) {
                    runOne(workload, engine, round, index)
                }
            }
            report.results = results
            report.failures = failures
            try onResult(report)
            removeDatasets(notNeededAfter: index)
        }
        return report
    }

    private func runOne(_ workload: Workload, _ engine: String, _ round: Int, _ index: Int) {
        let place = "[\(index + 1)/\(plan.workloads.count)] \(workload.name), \(engine)"
        do {
            let directory = try database(for: workload, engine)
            defer {
                if workload.dataset == nil || workload.changesDataset {
                    try? files.removeItem(atPath: directory)
                }
            }
            if workload.needsSteadyDevice { awaitSteadyDevice() }
            let output = try child(
                ["run", workload.name, engine, "\(round)", "\(plan.scale)", directory])
            let result = try JSONDecoder().decode(RunResult.self, from: output)
            results.append(result)
            let rate = result.value(.rate).map { Format.rate($0) + " \(workload.unit)/s" } ?? "-"
            let median = result.latency.map { ", p50 " + Format.time($0.p50) } ?? ""
            say("\(place), round \(round + 1): \(rate)\(median)")
        } catch {
            failures.append(
                RunFailure(
                    engine: engine, workload: workload.name, round: round, message: "\(error)"))
            say("\(place), round \(round + 1): FAILED: \(error)")
        }
    }

    private func awaitSteadyDevice() {
        guard let (seconds, isSteady) = probe?.waitUntilSteady(), seconds > 3 || !isSteady else {
            return
        }
        let outcome = isSteady ? "" : ", and it is not yet steady"
        say("    waited \(Format.time(seconds * 1e9)) for the disk\(outcome)")
    }

    // MARK: Datasets

    /// The folder that a run works on: a new one, a copy of the dataset, or the dataset itself.
    private func database(for workload: Workload, _ engine: String) throws -> String {
        let fresh = plan.dataDirectory + "/run"
        try? files.removeItem(atPath: fresh)
        guard let dataset = workload.dataset else {
            try files.createDirectory(atPath: fresh, withIntermediateDirectories: true)
            return fresh
        }
        let source = try self.source(dataset, engine)
        guard workload.changesDataset else { return source }
        // Holes stay holes, and nothing of the copy waits to be written while the run is timed.
        try command(["cp", "-a", "--sparse=always", source, fresh])
        try command(["sync", "-f", fresh])
        return fresh
    }

    /// The folder of a dataset, which is made when it isn't there.
    private func source(_ dataset: Dataset, _ engine: String) throws -> String {
        let source = plan.dataDirectory + "/\(engine)-\(dataset.name)"
        guard !files.fileExists(atPath: source) else { return source }
        guard !missing.contains(source) else {
            throw BenchmarkError("The dataset could not be made.")
        }
        say("    making \(dataset.name) for \(engine)")
        do {
            try files.createDirectory(atPath: source, withIntermediateDirectories: true)
            _ = try child(
                [
                    "prepare", dataset.form.rawValue, "\(dataset.count)",
                    "\(dataset.valueByteCount)", engine, source,
                ], dies: dataset.form == .crashed)
            try command(["sync", "-f", source])
            return source
        } catch {
            missing.insert(source)
            try? files.removeItem(atPath: source)
            throw error
        }
    }

    private func removeDatasets(notNeededAfter index: Int) {
        guard let dataset = plan.workloads[index].dataset,
            !plan.workloads[(index + 1)...].contains(where: { $0.dataset == dataset })
        else { return }
        for engine in plan.engines {
            try? files.removeItem(atPath: plan.dataDirectory + "/\(engine)-\(dataset.name)")
        }
    }

    // MARK: Processes

    /// Runs this program in a process of its own; what it prints.
    ///
    /// - Parameter dies: whether it is meant to kill itself.
    private func child(_ arguments: [String], dies: Bool = false) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: plan.program)
        process.arguments = ["child"] + arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let identifier = process.processIdentifier
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + Self.childLimitSeconds)
        timer.setEventHandler { kill(identifier, SIGKILL) }
        timer.resume()
        defer { timer.cancel() }
        // Both are short, so reading one after the other can't block.
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let isKilled = process.terminationReason == .uncaughtSignal
        guard dies ? isKilled : !isKilled && process.terminationStatus == 0 else {
            let text = String(decoding: complaint, as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let how = isKilled ? "ended by signal" : "ended with status"
            // A backtrace may be pages long; what it is about stands first.
            throw BenchmarkError(
                text.isEmpty
                    ? "The run \(how) \(process.terminationStatus)." : String(text.prefix(400)))
        }
        return printed
    }

    private func command(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchmarkError("`\(words.joined(separator: " "))` failed.")
        }
    }
}
