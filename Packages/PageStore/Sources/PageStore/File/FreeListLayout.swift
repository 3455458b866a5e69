/// Where the fields of a free-list page lie, behind the page header. The table is in
/// `Docs/FileFormat.md`.
enum FreeListLayout {
    /// u32: the next page of the list, 0 on the last.
    static var next: Int { 20 }
    /// u32: how many entries this page holds.
    static var entryCount: Int { 24 }
    /// u32: the page's place in the list, from 0.
    static var index: Int { 28 }
    /// The entries: u32 first page, u32 count of a run of free pages; ascending through the list.
    static var entries: Int { 32 }
    static var entrySize: Int { 8 }
    /// How many entries fit in a page.
    static var capacity: Int { (PageLayout.pageSize - entries) / entrySize }
}
