import KVDB
import Testing

@testable import KVTools

@Suite struct ArgumentOrderTests {
    @Test(arguments: [
        (["put", "my.db", "k", "v"], ["put", "my.db", "k", "v"]),
        (["my.db", "put", "k", "v"], ["put", "my.db", "k", "v"]),
        // A verb that comes first wins; a path names a file called like one.
        (["put", "get", "k", "v"], ["put", "get", "k", "v"]),
        (["./put", "get", "k"], ["get", "./put", "k"]),
        (["my.db", "--json", "get", "k"], ["get", "my.db", "--json", "k"]),
        (["--json", "my.db", "get", "k"], ["get", "--json", "my.db", "k"]),
        (["--key-format=hex", "get", "my.db", "00"], ["get", "--key-format=hex", "my.db", "00"]),
        (
            ["get", "--key-format", "hex", "my.db", "00"],
            ["get", "--key-format", "hex", "my.db", "00"]
        ),
        (["help", "put"], ["help", "put"]),
        (["--help"], ["--help"]), (["--version"], ["--version"]), ([], []),
    ])
    func theVerbComesFirst(given: [String], expected: [String]) throws {
        #expect(try ArgumentOrder.verbFirst(given, verbs: RootCommand.verbs) == expected)
    }

    @Test(arguments: [["my.db"], ["my.db", "k", "get"], ["my.db", "--", "get"], ["-", "x"]])
    func withoutAVerbItIsRefused(given: [String]) {
        #expect(throws: (any Error).self) {
            try ArgumentOrder.verbFirst(given, verbs: RootCommand.verbs)
        }
    }

    @Test func rangesAreIntersected() {
        let range = KeyRange(from: [1], to: [5])
        #expect(range.intersection(.all) == range && KeyRange.all.intersection(range) == range)
        #expect(range.intersection(KeyRange(from: [0], to: [9])) == range)
        #expect(KeyRange(from: [0], to: [9]).intersection(range) == range)
        #expect(range.intersection(KeyRange(from: [2])) == KeyRange(from: [2], to: [5]))
        #expect(range.intersection(KeyRange(from: [5])).isEmpty)
    }
}
