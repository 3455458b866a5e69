/// An array of entries without the checks of one that may be shared: what restructuring goes over again
/// and again.
///
/// A class, since Embedded Swift must see the end of a noncopyable type in every module that holds one.
///
/// `@safe`: it owns its memory, and every access is checked against `count`.
@safe final class EntryList {
    typealias Entry = NodeEntries.Entry

    private var start: UnsafeMutablePointer<Entry>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 4)
        unsafe start = .allocate(capacity: self.capacity)
    }

    deinit { unsafe start.deallocate() }

    subscript(index: Int) -> Entry {
        @inline(__always)
        get {
            precondition(index >= 0 && index < count, "no such entry")
            return unsafe start[index]
        }
        @inline(__always)
        set {
            precondition(index >= 0 && index < count, "no such entry")
            unsafe start[index] = newValue
        }
    }

    func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutablePointer<Entry>.allocate(capacity: larger)
        unsafe moved.update(from: start, count: count)
        unsafe start.deallocate()
        unsafe start = moved
        capacity = larger
    }

    @inline(__always)
    func append(_ entry: Entry) {
        if count == capacity { reserve(1) }
        unsafe start[count] = entry
        count += 1
    }

    /// Puts an entry before position `index`, at most at the end.
    func insert(_ entry: Entry, at index: Int) {
        let place = min(max(index, 0), count)
        reserve(1)
        unsafe (start + place + 1).update(from: start + place, count: count - place)
        unsafe start[place] = entry
        count += 1
    }

    /// Forgets all entries but those of `range`.
    func keep(_ range: Range<Int>) {
        let kept = range.clamped(to: 0..<count)
        unsafe start.update(from: start + kept.lowerBound, count: kept.count)
        count = kept.count
    }

    /// Puts the entries from `middle` on before the others.
    func rotate(to middle: Int) {
        let front = min(max(middle, 0), count)
        let rotated = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        unsafe rotated.update(from: start + front, count: count - front)
        unsafe (rotated + (count - front)).update(from: start, count: front)
        unsafe start.deallocate()
        unsafe start = rotated
    }
}
