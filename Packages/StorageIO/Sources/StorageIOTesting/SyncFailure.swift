/// What a sync that fails does to the changes that it should have made durable.
///
/// Whatever it is, they are not pending any more: a later sync that succeeds says nothing about them.
/// That is what Linux does since 4.13, and others did before.
public struct SyncFailure: Sendable {
    /// Which of them have become durable all the same.
    public var survival: Survival
    /// Whether readers go on seeing those that were lost, from the system's cache, until
    /// ``CrashingFileSystem/evictCaches()``; otherwise the loss shows at once.
    public var isCached: Bool

    /// A failure; by default one that loses each sector with a chance of one half, at once.
    public init(_ survival: Survival = .random, isCached: Bool = false) {
        self.survival = survival
        self.isCached = isCached
    }
}
