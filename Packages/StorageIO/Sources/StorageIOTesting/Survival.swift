/// What of the changes that were never synced a crash leaves.
public enum Survival: Int, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// Everything.
    case all
    /// Everything up to a random point in the order of the calls, over all files; of the write at
    /// that point a random subset of its sectors.
    case prefix
    /// Everything, but of the last write only a random subset of its sectors.
    case tornLastWrite
    /// Of each write a random subset of its sectors, whatever the order of the writes.
    case random
    /// Like `random`; and where a file grew by a write, what of it did not survive is garbage
    /// instead of zeros.
    case garbage
}
