/// The pages that a store keeps for when there is no room to grow: changing a tree that is never
/// overwritten needs pages even to delete.
struct SpaceReserve {
    /// What a file of few pages keeps, whose tree has two levels at most: three pages for a delete
    /// that joins two leaves, and as many for the checkpoint's catalog and free list.
    private static var least: Int { 6 }

    /// How many pages are kept.
    let pageCount: Int

    /// The reserve of a store that has `count` pages on the disk and can have `limit`: for a few paths
    /// through the trees and the merges on them, for the catalog, and for a free list, which is longest
    /// when every second page is free. Of a small limit an eighth, but at least enough for one path and
    /// the checkpoint.
    init(count: Int, limit: Int) {
        let least = min(Self.least, (limit - 2) / 2)
        pageCount = min(Self.most(count: count), max(limit / 8, least))
    }

    /// The most that a store of `count` pages keeps, whatever its limit.
    static func most(count: Int) -> Int { 12 + count / 512 }

    /// What must be left of it by whoever takes pages for `purpose`.
    func kept(for purpose: SpacePurpose) -> Int {
        switch purpose {
        case .growth: pageCount
        case .removal: pageCount / 2
        case .checkpoint: 0
        }
    }
}
