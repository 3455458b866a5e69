import Foundation
import KVDB
import KVDBFoundation

/// What happened to an account.
struct Event: Codable, Sendable {
    var kind: String
    var amount: Int
}

/// Whose history an event belongs to.
struct Stream: Codable, Sendable {
    var tenant: UUID
    var account: String
}

/// An event with its place in its stream.
struct Recorded: Codable, Sendable {
    var stream: Stream
    var number: UInt64
    var event: Event
}

/// All events in the order in which they were appended.
extension Table where Key == UInt64, Value == JSON<Recorded> {
    static var events: Self { Self("events") }
}

/// Where in that order the events of each stream are.
extension Table where Key == Keys<UUID, String, UInt64>, Value == UInt64 {
    static var streams: Self { Self("streams") }
}

/// What the events add up to.
extension Table where Key == Keys<UUID, String>, Value == Int {
    static var balances: Self { Self("balances") }
}

/// Up to which event each projection has come.
extension Table where Key == String, Value == UInt64 {
    static var projections: Self { Self("projections") }
}

/// Somebody else has appended to the stream meanwhile.
struct UnexpectedEnd: Error {
    var number: UInt64
}

/// Streams of events, and balances that follow them.
struct EventStore {
    let database: Database

    /// Appends events to a stream whose last event is number `end`, all of them or none.
    ///
    /// - Throws: ``UnexpectedEnd`` if the stream ends elsewhere.
    func append(_ events: [Event], to stream: Stream, after end: UInt64) throws {
        try database.write { transaction in
            let (all, streams) = (transaction[.events], transaction[.streams])
            let last = try streams.last(in: .prefix(stream.tenant, stream.account))
            var number = last.map { $0.key.parts.2 } ?? 0
            guard number == end else { throw UnexpectedEnd(number: number) }
            var position = try all.last()?.key ?? 0
            for event in events {
                (number, position) = (number + 1, position + 1)
                let recorded = Recorded(stream: stream, number: number, event: event)
                try all.put(JSON(recorded), for: position)
                try streams.put(position, for: Keys(stream.tenant, stream.account, number))
            }
        }
    }

    /// Returns the events of a stream from a number on.
    func events(of stream: Stream, from number: UInt64 = 1) throws -> [Recorded] {
        let snapshot = try database.snapshot()
        let places = try snapshot[.streams].entries(
            in: .prefix(stream.tenant, stream.account, in: number...))
        return try snapshot[.events].get(many: places.map(\.value)).compactMap { $0?.value }
    }

    /// Brings the balances up to date, some events at a time. Returns how many there were: the balances and how far
    /// they have come change together, so that none counts twice, whenever the process ends.
    func project() throws -> Int {
        try database.write { transaction in
            let (balances, projections) = (transaction[.balances], transaction[.projections])
            let done = try projections.get("balances") ?? 0
            let next = try transaction[.events].entries(in: .after(done), limit: 100)
            for (_, recorded) in next {
                let (stream, event) = (recorded.value.stream, recorded.value.event)
                try balances.update(Keys(stream.tenant, stream.account)) { balance in
                    balance = (balance ?? 0) + event.amount
                }
            }
            if let last = next.last { try projections.put(last.key, for: "balances") }
            return next.count
        }
    }
}
