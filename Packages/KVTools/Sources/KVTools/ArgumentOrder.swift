import ArgumentParser

/// Lets the database or the verb come first: `kvtools my.db put k v` is `kvtools put my.db k v`.
enum ArgumentOrder {
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
            throw ValidationError(
                "Neither of the first two words is a verb; verbs are "
                    + verbs.joined(separator: ", ") + ".")
        }
        var reordered = arguments
        reordered.insert(reordered.remove(at: verb), at: 0)
        return reordered
    }
}
