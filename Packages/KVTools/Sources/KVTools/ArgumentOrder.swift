import ArgumentParser

/// Lets the database or the verb come first: `kvtools my.db put k v` is `kvtools put my.db k v`. And
/// keeps what stands in the place of a key or a value from being taken for an option.
///
/// The parser can't do either: it knows no command that follows its first argument, and takes `-h` for
/// a question wherever it stands, so that a script's `put my.db k "$value"` would print help, store
/// nothing and end with 0.
enum ArgumentOrder {
    /// What the parser is to read.
    ///
    /// - Parameter arguments: as given, without the program's name.
    /// - Throws: a `ValidationError` when no verb is named, and when an option of the command's own
    ///   stands where a key or a value belongs.
    static func arranged(_ arguments: [String]) throws(ValidationError) -> [String] {
        // The parser's own, which belongs to no verb: a completion script, and what it calls.
        if let first = arguments.first,
            first.hasPrefix("--generate-completion-script") || first.hasPrefix("---completion")
        {
            return arguments
        }
        let ordered = try verbFirst(arguments, verbs: RootCommand.verbs)
        guard let verb = ordered.first, let places = RootCommand.bytePlaces[verb] else {
            return ordered
        }
        return try protectingDashes(ordered, places: ["database"] + places)
    }

    /// The arguments with the verb in front.
    ///
    /// The first of the first two words that is a verb is the verb, so a verb that comes first
    /// always wins: `kvtools put get k v` writes to a file called `get`. A file called like a verb
    /// is named by a path: `kvtools ./put get k`. Options may stand before the verb unless they take
    /// a word of their own (`--key-format=hex` is fine, `--key-format hex` is not).
    ///
    /// - Parameters:
    ///   - arguments: as given, without the program's name.
    ///   - verbs: the names of all verbs.
    /// - Throws: a `ValidationError` when neither word is a verb.
    static func verbFirst(
        _ arguments: [String], verbs: [String]
    ) throws(ValidationError) -> [String] {
        var words: [Int] = []
        for (index, argument) in arguments.enumerated() where words.count < 2 {
            if argument == "--" { break }
            if argument.hasPrefix("-") && argument != "-" { continue }
            words.append(index)
        }
        guard let verb = words.first(where: { verbs.contains(arguments[$0]) }) else {
            if words.isEmpty { return arguments }
            throw ValidationError(noVerb(among: words.map { arguments[$0] }, verbs: verbs))
        }
        var reordered = arguments
        reordered.insert(reordered.remove(at: verb), at: 0)
        return reordered
    }

    /// What to say when none of the words is a verb.
    private static func noVerb(among words: [String], verbs: [String]) -> String {
        let nearest = words.compactMap { word -> (verb: String, word: String, distance: Int)? in
            verbs.map { (verb: $0, word: word, distance: word.editDistance(to: $0)) }
                .min { $0.distance < $1.distance }
        }.min { $0.distance < $1.distance }
        let list = "The verbs are \(verbs.joined(separator: ", "))."
        // A third of the letters may be wrong; a file's name is rarely that near to a verb.
        if let nearest, nearest.distance * 3 <= max(3, nearest.word.count) {
            return "\"\(nearest.word)\" is no verb. Did you mean \"\(nearest.verb)\"? \(list)"
        }
        if words.count == 1 {
            return "\"\(words[0])\" is no verb. If it is a database, say what to do with it: "
                + "`kvtools \(words[0]) list`. \(list)"
        }
        return "Neither \"\(words[0])\" nor \"\(words[1])\" is a verb. \(list)"
    }

    /// The arguments with a key or a value that begins with a dash, as `-5`, behind a `--`.
    ///
    /// Only what stands where a key or a value belongs, after the database. One that begins with two
    /// dashes, and `-h`, is refused rather than guessed at: it may be an option that was mistyped, or a
    /// question for help.
    ///
    /// - Parameters:
    ///   - arguments: the verb first.
    ///   - places: what the words after the verb are, in order.
    private static func protectingDashes(
        _ arguments: [String], places: [String]
    ) throws(ValidationError) -> [String] {
        let verb = arguments[0]
        var options: [String] = []
        var words: [String] = []
        var hasDashes = false
        var index = 1
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            // The user has done it.
            if argument == "--" { return arguments }
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            if RootCommand.optionsWithWord.contains(argument) {
                options.append(argument)
                if index < arguments.count { options.append(arguments[index]) }
                index += 1
                continue
            }
            let name = argument.prefix { $0 != "=" }
            let isOption =
                RootCommand.optionsWithWord.contains(String(name)) || argument == "--json"
            if isOption || words.isEmpty {
                options.append(argument)
                continue
            }
            guard words.count < places.count else {
                throw ValidationError(
                    "\(argument) follows the \(places[words.count - 1]). For help: "
                        + "`kvtools help \(verb)`.")
            }
            guard !argument.hasPrefix("--"), argument != "-h" else {
                let place = places[words.count]
                let given = words.dropFirst().map { $0 + " " }.joined()
                throw ValidationError(
                    "\(argument) stands where the \(place) belongs. A \(place) that begins with a "
                        + "dash comes after --: `kvtools \(verb) \(words[0]) -- \(given)\(argument)`. "
                        + "For help: `kvtools help \(verb)`.")
            }
            words.append(argument)
            hasDashes = true
        }
        return hasDashes ? [verb] + options + ["--"] + words : arguments
    }
}

extension String {
    /// How many letters must be changed, added or removed, or neighbors swapped, to make `other` of it:
    /// the optimal string alignment distance (Boytsov 2011, section 2.2). O(n × m).
    func editDistance(to other: String) -> Int {
        let (first, second) = (Array(self), Array(other))
        var before: [Int] = []
        var last = Array(0...second.count)
        for (row, letter) in first.enumerated() {
            var next = [row + 1]
            for (column, wanted) in second.enumerated() {
                var cost = Swift.min(
                    last[column] + (letter == wanted ? 0 : 1), last[column + 1] + 1,
                    next[column] + 1)
                if row > 0, column > 0, letter == second[column - 1], first[row - 1] == wanted {
                    cost = Swift.min(cost, before[column - 1] + 1)
                }
                next.append(cost)
            }
            (before, last) = (last, next)
        }
        return last[second.count]
    }
}
