import Foundation
import Synchronization

/// Says which step a process died in: what a trap leaves of a case besides its number.
enum FailingStep {
    private static let step = Atomic<Int>(-1)
    private static let number = Atomic<UInt64>(0)
    private static let isReady = Atomic(false)

    /// From here on a trap is in this step.
    static func enter(_ family: String, _ number: UInt64, _ step: Int) {
        self.number.store(number, ordering: .relaxed)
        self.step.store(step, ordering: .relaxed)
        guard !isReady.exchange(true, ordering: .relaxed) else { return }
        for kind in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            signal(kind) { kind in
                FailingStep.say()
                signal(kind, SIG_DFL)
                raise(kind)
            }
        }
    }

    /// Writes without allocating anything.
    private static func say() {
        writeNumber("died in case ", number.load(ordering: .relaxed))
        writeNumber(", step ", UInt64(max(0, step.load(ordering: .relaxed))))
        var end = UInt8(ascii: "\n")
        unsafe _ = write(2, &end, 1)
    }

    private static func writeNumber(_ text: StaticString, _ number: UInt64) {
        unsafe _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(48 + number / divisor % 10)
            unsafe _ = write(2, &digit, 1)
            divisor /= 10
        }
    }
}
