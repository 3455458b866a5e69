@_spi(Engine) import KVDB
import StorageIO
import StorageIOTesting
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

    /// What stands where a key or a value belongs is one; what the parser would take for an option goes
    /// behind a `--`.
    @Test(arguments: [
        (["put", "my.db", "k", "-5"], ["put", "--", "my.db", "k", "-5"]),
        (["my.db", "put", "-k", "-5"], ["put", "--", "my.db", "-k", "-5"]),
        (
            ["put", "my.db", "k", "--json", "-5", "--table", "-t"],
            ["put", "--json", "--table", "-t", "--", "my.db", "k", "-5"]
        ),
        (["put", "my.db", "k", "-"], ["put", "my.db", "k", "-"]),
        (["put", "my.db", "--", "-h", "-5"], ["put", "my.db", "--", "-h", "-5"]),
        (["get", "my.db", "-1e9"], ["get", "--", "my.db", "-1e9"]),
        (["put", "--help"], ["put", "--help"]), (["put", "-h"], ["put", "-h"]),
        (["my.db", "list", "-h"], ["list", "my.db", "-h"]),
        (
            ["--generate-completion-script", "bash"],
            ["--generate-completion-script", "bash"]
        ),
    ])
    func dashesAreKept(given: [String], expected: [String]) throws {
        #expect(try ArgumentOrder.arranged(given) == expected)
    }

    /// The options that are followed by a word are those that the parser knows.
    @Test func theOptionsOfKeysAndValuesAreKnown() throws {
        for verb in RootCommand.bytePlaces.keys {
            let help = kvtools("help", verb).text
            let options = help.matches(of: #/(--[a-z-]+) </#).map { String($0.1) }
            #expect(!options.isEmpty)
            for option in options {
                #expect(RootCommand.optionsWithWord.contains(option), "\(verb) \(option)")
            }
            let flags = help.matches(of: #/\n  (?:-[a-z], )?(--[a-z-]+)  /#).map { String($0.1) }
            #expect(Set(flags) == ["--json", "--help", "--version"], "\(verb) \(flags)")
        }
    }

    /// Nothing but 64 when help or the version is asked for where a key or a value belongs: a script
    /// that puts what it was given must not lose it and go on.
    @Test(arguments: ["-h", "--help", "--version", "--nonsense", "--table"])
    func noValueIsSwallowed(value: String) throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        for arguments in [
            ["put", path, "k", value], [path, "put", "k", value], ["put", path, value, "v"],
            ["put", "--json", path, "k", value], ["put", path, "k", "v", value],
            ["put", "--table", "t", path, "k", value], ["delete", path, value],
            ["get", path, value],
        ] {
            let error = MemoryOutput()
            let status = CommandLineTool.run(
                arguments: arguments, input: MemoryInput(), output: MemoryOutput(), error: error)
            #expect(status == .usage, "\(arguments): \(error.text)")
        }
        #expect(kvtools("put", path, "k", "--json").status == .usage)
        #expect(try folder.names().isEmpty)
        // Behind a -- they are what they are.
        #expect(kvtools("put", path, "--", value, value).status == .success)
        #expect(kvtools("get", path, "--", value).text == value)
    }

    @Test func negativeNumbersAreValues() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("my.db")
        #expect(kvtools("put", path, "k", "-5").status == .success)
        #expect(kvtools(path, "put", "-k", "-x", "--table", "-t").status == .success)
        #expect(kvtools("get", path, "k").text == "-5")
        #expect(kvtools("get", path, "-k", "--table", "-t").text == "-x")
        #expect(
            kvtools("list", path, "--from", "-", "--prefix", "-k", "--table", "-t").text
                == "-k\t-x\n")
        #expect(kvtools("delete", path, "-k", "--table", "-t").status == .success)
        let limit = kvtools("list", path, "--limit", "-1")
        #expect(limit.status == .usage && limit.error.contains("'-1'"), "\(limit.error)")
    }

    @Test(arguments: [
        (["my.db", "lst"], "Did you mean \"list\"?"), (["putt", "my.db"], "Did you mean \"put\"?"),
        (["my.db", "exprot"], "Did you mean \"export\"?"), (["delte"], "Did you mean \"delete\"?"),
        (["my.db"], "say what to do with it: `kvtools my.db list`"),
        (["data/people.db", "people"], "Neither \"data/people.db\" nor \"people\" is a verb."),
    ])
    func aVerbIsSuggested(given: [String], expected: String) {
        let error = MemoryOutput()
        let status = CommandLineTool.run(
            arguments: given, input: MemoryInput(), output: MemoryOutput(), error: error)
        #expect(status == .usage && error.text.contains(expected), "\(error.text)")
    }

    @Test func nothingAtAllIsWrongUsage() {
        let done = kvtools()
        #expect(done.status == .usage && done.text.isEmpty)
        #expect(done.error.contains("SUBCOMMANDS"))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionScripts(shell: String) {
        let apart = kvtools("--generate-completion-script", shell)
        #expect(apart.status == .success && apart.text.contains("kvtools"), "\(apart.error)")
        #expect(kvtools("--generate-completion-script=\(shell)").text == apart.text)
    }

    @Test func everyVerbHasExamples() {
        for verb in RootCommand.verbs where verb != "help" {
            let help = kvtools("help", verb).text
            #expect(help.contains("Examples:\n  kvtools \(verb) "), "\(help)")
        }
    }

    @Test(arguments: [["my.db"], ["my.db", "k", "get"], ["my.db", "--", "get"], ["-", "x"]])
    func withoutAVerbItIsRefused(given: [String]) {
        #expect(throws: (any Error).self) {
            try ArgumentOrder.verbFirst(given, verbs: RootCommand.verbs)
        }
    }

    @Test func rangesAreIntersected() {
        let range = KeyRange(from: [1], upTo: [5])
        #expect(range.intersection(.all) == range && KeyRange.all.intersection(range) == range)
        #expect(range.intersection(KeyRange(from: [0], upTo: [9])) == range)
        #expect(KeyRange(from: [0], upTo: [9]).intersection(range) == range)
        #expect(range.intersection(KeyRange(from: [2])) == KeyRange(from: [2], upTo: [5]))
        #expect(range.intersection(KeyRange(from: [5])).isEmpty)
    }
}
