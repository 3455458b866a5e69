import Synchronization

/// Whether page stores look at their invariants as they go: in debug builds always, and in others from when it is
/// turned on, as the crash tests do. A store whose bookkeeping is wrong then stops the process, with the
/// number of the invariant that does not hold, before it can write over a page that somebody needs.
public enum InvariantChecks {
    private static let isOn = Atomic<Bool>(isDebugBuild)

    private static var isDebugBuild: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    static var areOn: Bool { isOn.load(ordering: .relaxed) }

    /// Turns the checks on for all stores of the process. A check looks at all that is free, dirty or replaced;
    /// some commits make one, and every checkpoint.
    public static func turnOn() { isOn.store(true, ordering: .relaxed) }

    /// Ends the process.
    static func stop(_ brokenInvariant: String) -> Never {
        #if hasFeature(Embedded)
            preconditionFailure("An invariant of the page store does not hold.")
        #else
            preconditionFailure(brokenInvariant)
        #endif
    }
}
