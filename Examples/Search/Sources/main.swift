// prints:
//   cafe: Kaffee und Kuchen, Café am Markt
//   mar: Café am Markt, Marmelade
//   café ku: Kaffee und Kuchen
//   kuchen: nothing
//   the index is what the documents say: true
import KVDB

let index = SearchIndex(database: try Database(at: "search.kvdb"))
let documents = [
    Document(title: "Café am Markt", text: "Ein Café, geöffnet bis sechs."),
    Document(
        title: "Kaffee und Kuchen",
        text: "Das Café backt selbst: Kuchen im Café, nach Hause vom Café."),
    Document(title: "Marmelade", text: "Zucker und Beeren, eine Stunde gekocht."),
]
for (number, document) in documents.enumerated() { try index.put(document, as: UInt64(number)) }

func show(_ query: String) throws {
    let titles = try index.search(query).map(\.title)
    print("\(query): " + (titles.isEmpty ? "nothing" : titles.joined(separator: ", ")))
}
for query in ["cafe", "mar", "café ku"] { try show(query) }

// Another text in place of the second one, and no third one: their words go with them.
try index.put(Document(title: "Kaffee", text: "Nur noch Café."), as: 1)
try index.put(nil, as: 2)
try show("kuchen")
print("the index is what the documents say: \(try index.isConsistent())")
try index.database.close()
