/// What a page's place in the cache holds, one byte a page. A page may be read without a call when
/// its state is ``PageState/hot`` or above. (Computed, so that other modules see the constants.)
///
/// Each arrow is a function of `PageTable`, and nothing else changes a state:
///
/// ```
///             beginLoad          finishLoad           spare
///   absent ─────────────▶ loading ─────────▶ hot ◀─────────────▶ cold
///     ▲ ▲                   │                 ▲ ▲      touch      │ ▲
///     │ └───────────────────┘                 │ │                 │ │
///     │      abandonLoad               rescue │ └─ evicting ◀─────┘ │
///     │                                       └───── │ beginEviction│
///     └──────────────────────────────────────────────┘              │ markWritten
///                      finishEviction                               │
///                                                makeDirty          │
///                                   hot, cold ─────────────▶ dirty ─┘
///
///                  claim                        free
///   any ──────────────────▶ dirty      any ───────────────▶ stale, or free if it was absent
///
///            beginDrop            finishDrop            passBy
///   stale ─────────────▶ loading ────────────▶ free     any ───────▶ absent
/// ```
///
/// The pages of an overflow run behind its first are `interior` while that is in memory: `beginLoadInside` and
/// `claim` make them so, and what takes the first page out takes them along. Where pages share a page of
/// the system's memory, `absent`, `free` and `stale` pages pass through `loading` as their group's memory goes.
public enum PageState {
    /// Not in memory.
    @inlinable public static var absent: UInt8 { 0 }
    /// Not in memory, and free or part of the free list: a reference to it is damage.
    @inlinable public static var free: UInt8 { 1 }
    /// A thread is reading it in, or giving its memory back.
    @inlinable public static var loading: UInt8 { 2 }
    /// Chosen for eviction; its memory goes once no reader can be inside it.
    @inlinable public static var evicting: UInt8 { 3 }
    /// In memory as part of an overflow run, but not its first page: never readable by itself, and
    /// evicted with the first page.
    @inlinable public static var interior: UInt8 { 4 }
    /// In memory, but free like ``free``: what it holds means nothing.
    @inlinable public static var stale: UInt8 { 5 }
    /// In memory, unchanged, not used since the clock hand last came by.
    @inlinable public static var cold: UInt8 { 6 }
    /// In memory, unchanged, used lately.
    @inlinable public static var hot: UInt8 { 7 }
    /// In memory and newer than the file; never evicted before it is written.
    @inlinable public static var dirty: UInt8 { 8 }
}
