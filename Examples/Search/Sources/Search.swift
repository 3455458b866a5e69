import Foundation
import KVDB
import KVDBFoundation

/// A text that can be found by its words.
struct Document: Codable, Sendable {
    var title: String
    var text: String

    /// How often each word is in it, in small letters and without accents.
    var words: [String: Int] {
        var words: [String: Int] = [:]
        let parts = "\(title) \(text)".split { !$0.isLetter && !$0.isNumber }
        for part in parts { words[Self.plain(part), default: 0] += 1 }
        return words
    }

    static func plain(_ word: some StringProtocol) -> String {
        word.folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
    }
}

extension Table where Key == UInt64, Value == JSON<Document> {
    static var documents: Self { Self("documents") }
}

extension Table where Key == Keys<String, UInt64>, Value == Int {
    /// How often each word is in each document: word and document to number.
    static var words: Self { Self("words") }
}

/// Documents, and an index of their words that changes with them.
struct SearchIndex {
    let database: Database

    /// Puts a document in place of the one that has its number, or removes that.
    func put(_ document: Document?, as id: UInt64) throws {
        try database.write { transaction in
            let (documents, words) = (transaction[.documents], transaction[.words])
            for word in try documents.take(id)?.value.words.keys ?? [:].keys {
                try words.delete(Keys(word, id))
            }
            guard let document else { return }
            try documents.put(JSON(document), for: id)
            try words.put(contentsOf: document.words.map { (Keys($0.key, id), $0.value) })
        }
    }

    /// Returns the documents that have all of the words, the best ones first. The last word may be the beginning of one,
    /// as while it is typed.
    func search(_ query: String, limit: Int = 10) throws -> [Document] {
        let snapshot = try database.snapshot()
        let wanted = query.split(separator: " ").map(Document.plain)
        var scores: [UInt64: Int]?
        for (index, word) in wanted.enumerated() {
            let isLast = index == wanted.count - 1
            var found: [UInt64: Int] = [:]
            try snapshot[.words].forEach(
                in: isLast ? .prefix(startingWith: word) : .prefix(word)
            ) { key, count in
                let id = key.parts.1
                // Only what all words before are in, too.
                guard let score = scores.map({ $0[id] }) ?? 0 else { return }
                found[id] = (found[id] ?? score) + count
            }
            scores = found
        }
        let best = (scores ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return try snapshot[.documents].get(many: best.prefix(limit).map(\.key))
            .compactMap { $0?.value }
    }

    /// Returns whether the index is what the documents say.
    func isConsistent() throws -> Bool {
        let snapshot = try database.snapshot()
        var count = 0
        for (id, document) in try snapshot[.documents].entries() {
            for (word, number) in document.value.words {
                guard try snapshot[.words].get(Keys(word, id)) == number else { return false }
                count += 1
            }
        }
        return try snapshot[.words].count == count
    }
}
