/// What space is wanted for. On a full disk a store keeps some pages back, so that entries can still
/// be deleted, which needs a few pages, and a checkpoint can still make the space free.
public enum SpacePurpose: UInt8, Sendable {
    /// Whatever may make the content larger; leaves the reserve alone.
    case growth
    /// A change that removes; may take half of the reserve.
    case removal
    /// A checkpoint; may take all.
    case checkpoint
}
