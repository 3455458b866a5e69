/// What of the changes that were never synced a crash leaves.
///
/// It says four things apart: which sectors of which writes, how far files' sizes, which names, and
/// what stands where a file has grown but its bytes have not come. Each combination here is one that
/// a disk and a journaling file system may leave, or one with less order still.
public struct Survival: Hashable, Sendable, CustomStringConvertible {
    /// Of which writes which sectors survive. A number is a probability in eighths.
    enum Data: Hashable, Sendable {
        case none, all
        /// All up to a point in the order of the calls, over all files; torn there.
        case prefix
        /// All from a point on, the earlier ones not: the order reversed.
        case suffix
        /// Each file has a point of its own.
        case filePrefix
        case tornLastWrite
        /// Each sector on its own.
        case sectors(Int)
        /// Each page of 4 KiB on its own, as a page cache writes back.
        case pages(Int)
        /// Each write on its own, whole.
        case writes(Int)
        /// Each file on its own, whole.
        case files
        case allButOneWrite, onlyOneWrite, allButOneSector
        /// Of each file only what was written last.
        case lastOfEachFile
    }

    /// How many of a file's size changes survive; always the first ones.
    enum Sizes: Hashable, Sendable {
        case none, all
        /// As far as the data.
        case likeData
        /// All of them as often as not, or hardly any data of a growing file would ever survive.
        case drawn
    }

    /// Which changes of names survive.
    enum Names: Hashable, Sendable {
        case none, all
        /// Up to the data's point.
        case likeData
        /// A prefix, as a journal has it.
        case prefix
        /// Any, but of two that touch the same name not the later without the earlier.
        case subset
    }

    /// What stands where a write made a file grow and its sector did not survive.
    enum Gap: Hashable, Sendable {
        case zeros, garbage
        /// What the file holds elsewhere: sound, but in the wrong place.
        case stale
    }

    /// What it is called, for messages.
    public let description: String
    let data: Data
    let sizes: Sizes
    let names: Names
    let gap: Gap

    init(
        _ description: String, _ data: Data, sizes: Sizes, names: Names, gap: Gap = .zeros
    ) {
        self.description = description
        self.data = data
        self.sizes = sizes
        self.names = names
        self.gap = gap
    }

    /// Nothing.
    public static let none = Survival("none", .none, sizes: .none, names: .none)
    /// Everything.
    public static let all = Survival("all", .all, sizes: .all, names: .all)
    /// Everything up to a random point in the order of the calls, over all files; of the write at
    /// that point a random subset of its sectors.
    public static let prefix = Survival("prefix", .prefix, sizes: .likeData, names: .likeData)
    /// Everything, but of the last write only a random subset of its sectors.
    public static let tornLastWrite = Survival(
        "torn last write", .tornLastWrite, sizes: .all, names: .all)
    /// Of each write a random subset of its sectors, whatever the order of the writes.
    public static let random = Survival("random", .sectors(4), sizes: .drawn, names: .prefix)
    /// Like `random`; and where a file grew by a write, what of it did not survive is garbage
    /// instead of zeros.
    public static let garbage = Survival(
        "random, garbage", .sectors(4), sizes: .drawn, names: .prefix, gap: .garbage)

    /// The six above, in their order: a small fair sample.
    public static let basic: [Survival] = [.none, .all, .prefix, .tornLastWrite, .random, .garbage]

    /// All there are, each unlike the others; those that need no dice come first.
    public static let variants: [Survival] = [
        .none, .all,
        Survival("sizes and names", .none, sizes: .all, names: .all),
        Survival("sizes and names, stale", .none, sizes: .all, names: .all, gap: .stale),
        Survival("data and names", .all, sizes: .none, names: .all),
        Survival("data and sizes", .all, sizes: .all, names: .none),
        Survival("names", .none, sizes: .none, names: .all),
        Survival("last write of each file", .lastOfEachFile, sizes: .all, names: .all),
        .prefix, .tornLastWrite, .random, .garbage,
        Survival("suffix", .suffix, sizes: .all, names: .all),
        Survival("prefix of each file", .filePrefix, sizes: .likeData, names: .prefix),
        Survival("whole files", .files, sizes: .likeData, names: .subset),
        Survival("all but one write", .allButOneWrite, sizes: .all, names: .all, gap: .stale),
        Survival("one write", .onlyOneWrite, sizes: .all, names: .all, gap: .garbage),
        Survival("all but one sector", .allButOneSector, sizes: .all, names: .all),
        Survival("few sectors", .sectors(1), sizes: .drawn, names: .subset),
        Survival("most sectors", .sectors(7), sizes: .all, names: .all),
        Survival("half of the pages", .pages(4), sizes: .all, names: .prefix),
        Survival("most pages, stale", .pages(7), sizes: .all, names: .all, gap: .stale),
        Survival("half of the writes", .writes(4), sizes: .drawn, names: .subset),
        Survival("few writes, garbage", .writes(1), sizes: .all, names: .all, gap: .garbage),
        Survival("half of the sectors, stale", .sectors(4), sizes: .all, names: .all, gap: .stale),
        Survival("data, some sizes and names", .all, sizes: .drawn, names: .subset),
    ]
}
