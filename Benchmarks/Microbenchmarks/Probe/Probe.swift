import Foundation
import Operations

/// Runs one step so many times, and does nothing else: what Scripts/count-instructions counts, and
/// Scripts/compare-times times. Prints how many nanoseconds each took.
///
/// Usage: Probe FOLDER STEP COUNT; without arguments it prints the names of the steps.
@main
struct Probe {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard !arguments.isEmpty else {
            for name in Operation.names { print(name) }
            return
        }
        guard arguments.count == 3, let count = Int(arguments[3]), count > 0,
            let operation = try Operation.make(arguments[2], folder: arguments[1])
        else {
            FileHandle.standardError.write(Data("Usage: Probe FOLDER STEP COUNT\n".utf8))
            exit(64)
        }
        let duration = try ContinuousClock().measure { try operation.run(count) }
        print(duration / .nanoseconds(1) / Double(count))
    }
}
