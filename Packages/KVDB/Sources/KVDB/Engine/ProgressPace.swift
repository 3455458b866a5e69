/// How often work that is long says how far it is: rarely enough to cost nothing, and often enough for a
/// person who looks on.
enum ProgressPace {
    /// Whether to tell of `done`, where each is an entry or a page that is read and written.
    static func isDue(_ done: some BinaryInteger) -> Bool { done & 0xfff == 0 }

    /// Whether to tell of `done`, where each is an entry that is only copied.
    static func isDueOfCopies(_ done: some BinaryInteger) -> Bool { done & 0xffff == 0 }
}
