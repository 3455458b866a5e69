import StorageIO

/// What is wrong with one page, or with the reference that leads to it, in itself: what a reader
/// that trusts nothing finds before it looks at how pages fit together.
public enum PageFlaw: Sendable {
    /// The reference leads outside the pages of the database.
    case beyondEnd(pageCount: UInt64)
    /// The file ends before the page does.
    case cut(byteCount: UInt64)
    /// The system failed to read it.
    case unreadable(StorageError)
    /// The checksum does not fit.
    case checksum(stored: UInt32, computed: UInt32)
    /// The page is whole, but it is another one: a misdirected or a swapped write.
    case number(found: PageNumber)
    /// The page is of another kind than the reference may lead to.
    case kind(found: UInt8)
    /// The page was written by a transaction that the database doesn't know.
    case birth(found: TransactionNumber, newest: TransactionNumber)
    /// The content breaks its format.
    case structure(StaticString)
    /// The page is free, or holds the free list.
    case free
    /// An overflow run has another length than its leaf says.
    case length(found: UInt64, expected: UInt64)

    /// What is wrong, as a sentence.
    public var message: String {
        switch self {
        case .beyondEnd: "A reference leads to a page beyond the end of the database."
        case .cut: "The file ends before the page does."
        case .unreadable: "The page can't be read."
        case .checksum: "The page's checksum is wrong."
        case .number: "The page says that it is another page."
        case .kind: "The page is of another kind than what leads to it."
        case .birth: "The page is newer than the database."
        case .structure(let problem): "The page's structure is wrong: \(problem)."
        case .free: "A page in use is listed as free."
        case .length: "An overflow run has another length than its leaf says."
        }
    }

    /// What should be there.
    public func expected(of page: PageNumber) -> String {
        switch self {
        case .beyondEnd(let pageCount): "below page \(pageCount)"
        case .cut: "\((UInt64(page) + 1) << UInt64(PageLayout.pageShift)) bytes or more"
        case .unreadable: "bytes"
        case .checksum(_, let computed): hexadecimal(computed)
        case .number: "page \(page)"
        case .birth(_, let newest): "transaction \(newest) or older"
        case .length(_, let expected): "\(expected) bytes"
        case .kind: "a page of a tree"
        case .structure: "the structure of its kind"
        case .free: "in use"
        }
    }

    /// What is there.
    public func found(of page: PageNumber) -> String {
        switch self {
        case .beyondEnd: "page \(page)"
        case .cut(let byteCount): "a file of \(byteCount) bytes"
        case .unreadable(let error): error.description
        case .checksum(let stored, _): hexadecimal(stored)
        case .number(let number): "page \(number)"
        case .kind(let kind): "kind \(kind)"
        case .birth(let birth, _): "transaction \(birth)"
        case .structure(let problem): "\(problem)"
        case .length(let found, _): "\(found) bytes"
        case .free: "free"
        }
    }

    private func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
