/// Names chosen on a command line.
public enum Selection {
    /// The names that a list with commas chooses, in the order of `names`; one that ends in `*` stands
    /// for all that begin so.
    public static func choose(
        _ list: String, from names: [String], kind: String
    ) throws -> [String] {
        var chosen: Set<String> = []
        for part in list.split(separator: ",") {
            let found = names.filter { name in
                part.hasSuffix("*") ? name.hasPrefix(part.dropLast()) : name == part
            }
            guard !found.isEmpty else {
                throw BenchmarkError(
                    "There is no \(kind) \(part); `kvbench list` prints those there are.")
            }
            chosen.formUnion(found)
        }
        guard !chosen.isEmpty else { throw BenchmarkError("No \(kind) is chosen.") }
        return names.filter(chosen.contains)
    }
}
