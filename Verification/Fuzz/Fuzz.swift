import CFuzzer
import Foundation
import StorageIO

/// Coverage-guided fuzzing of everything that reads bytes of a file, with the address sanitizer.
///
/// `Scripts/fuzz` builds and runs it. The arguments are libFuzzer's; `FUZZ_TARGET` in the environment
/// says what is fuzzed, and with `FUZZ_SEEDS` the seeds that it starts from are written to that
/// directory instead. Checksums are set before the bytes are read, so that what lies behind them is reached.
@main
enum Fuzz {
    static func main() {
        _ = current
        var count = CommandLine.argc
        var arguments = unsafe Optional(CommandLine.unsafeArgv)
        let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, byteCount in
            Fuzz.current.run(unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: byteCount)))
            return 0
        }
        exit(status)
    }

    /// What is fuzzed, by name.
    static let targets: [String: any FuzzTarget] = [
        "node": NodeTarget(), "store": StoreTarget(), "salvage": SalvageTarget(),
        "log": LogTarget(), "record": RecordTarget(), "export": ExportTarget(),
        "lz4": LZ4Target(),
    ]

    /// The one that runs.
    static let current: any FuzzTarget = {
        let environment = ProcessInfo.processInfo.environment
        guard let target = targets[environment["FUZZ_TARGET"] ?? ""] else {
            print("FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", ")).")
            exit(2)
        }
        if let directory = environment["FUZZ_SEEDS"] {
            do {
                for (index, seed) in try target.seeds().enumerated() {
                    let url = URL(fileURLWithPath: "\(directory)/seed-\(index)")
                    try Data(seed).write(to: url)
                }
                exit(0)
            } catch {
                print("no seeds: \(error)")
                exit(1)
            }
        }
        return target
    }()
}

/// A reader of bytes.
protocol FuzzTarget: Sendable {
    /// Reads `input`; errors are fine, and nothing else.
    func run(_ input: [UInt8])
    /// Sound inputs to begin with.
    func seeds() throws -> [[UInt8]]
}
