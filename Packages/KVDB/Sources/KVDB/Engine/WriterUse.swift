import StorageIO

/// Who holds the writer lock, and what for: what an error says to those who waited in vain.
struct WriterUse {
    /// What the lock is held for.
    enum Purpose {
        /// A transaction that some code has begun and will end, on whatever thread.
        case transaction
        /// A transaction that lasts as long as the call of a closure.
        case closure
        /// One change, or work of the database's own, that goes through without anybody's help.
        case call
        /// Nothing, until the database is resumed.
        case suspension
    }

    let purpose: Purpose
    /// The thread that holds it until its call returns; 0 where the holder may go on on another one.
    let thread: UInt64
    /// When it was taken; 0 where that is not noted.
    let start: UInt64
    /// Where in the program it was taken; nil where that is not known.
    let place: (file: StaticString, line: UInt)?

    private init(
        _ purpose: Purpose, thread: UInt64, start: UInt64,
        place: (file: StaticString, line: UInt)?
    ) {
        self.purpose = purpose
        self.thread = thread
        self.start = start
        self.place = place
    }

    /// A transaction that is begun at a place in the program.
    static func transaction(_ file: StaticString, _ line: UInt) -> WriterUse {
        WriterUse(.transaction, thread: 0, start: System.now, place: (file, line))
    }

    /// A transaction of a closure that is called at a place in the program.
    static func closure(_ file: StaticString, _ line: UInt) -> WriterUse {
        WriterUse(.closure, thread: System.threadHint, start: System.now, place: (file, line))
    }

    /// A suspension, which another thread may end.
    static var suspension: WriterUse {
        WriterUse(.suspension, thread: 0, start: 0, place: nil)
    }

    /// A call that ends by itself. The clock would cost a single put too much.
    static var call: WriterUse {
        WriterUse(.call, thread: System.threadHint, start: 0, place: nil)
    }

    /// The sentence about it for who waited until `now`.
    func description(now: UInt64) -> String {
        if case .suspension = purpose { return "It is suspended; resume() lets it go on." }
        guard let place, start > 0 else { return "Another call is changing it." }
        let seconds = (now &- start) / 1_000_000_000
        return "A transaction has been open for \(seconds) s, begun at \(place.file):\(place.line)."
    }
}
