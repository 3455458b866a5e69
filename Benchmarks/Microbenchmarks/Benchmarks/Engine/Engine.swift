import Benchmark
import Foundation
import Operations

/// Every step, with the benchmark library: `swift package benchmark`.
let benchmarks: @Sendable () -> Void = {
    unsafe Benchmark.defaultConfiguration = .init(
        metrics: [.instructions, .wallClock], scalingFactor: .kilo,
        maxDuration: .seconds(2))
    for name in Operation.names {
        Benchmark(name) { benchmark in
            let folder = FileManager.default.temporaryDirectory
                .appending(path: "kvdb-step-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            guard let operation = try Operation.make(name, folder: folder.path) else {
                return benchmark.error("There is no step \(name).")
            }
            benchmark.startMeasurement()
            try operation.run(benchmark.scaledIterations.count)
            benchmark.stopMeasurement()
        }
    }
}
