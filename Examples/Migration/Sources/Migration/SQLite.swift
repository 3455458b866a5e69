import CSQLite
import KVDB
import KVDBFoundation

/// A row of the SQLite table `people(id, name, city, email)`, without its id.
struct Person: Codable, Sendable, Equatable {
    var name: String
    var city: String
    var email: String?
}

extension Table where Key == Int64, Value == JSON<Person> {
    static var people: Self { Self("people") }
}

/// What the other database says.
struct SourceError: Error {
    var message: String
}

/// Brings all people over, or none. Returns how many.
func loadPeople(fromSQLite path: String, into database: Database) throws -> Int {
    var source: OpaquePointer?
    var rows: OpaquePointer?
    defer {
        sqlite3_finalize(rows)
        sqlite3_close(source)
    }
    // In the order of the ids, so that the entries go straight into full pages.
    let query = "SELECT id, name, city, email FROM people ORDER BY id"
    guard sqlite3_open_v2(path, &source, SQLITE_OPEN_READONLY, nil) == SQLITE_OK,
        sqlite3_prepare_v2(source, query, -1, &rows, nil) == SQLITE_OK
    else { throw SourceError(message: String(cString: sqlite3_errmsg(source))) }

    func text(_ column: Int32) -> String? {
        sqlite3_column_text(rows, column).map { String(cString: $0) }
    }
    let report = try database[.people].load {
        switch sqlite3_step(rows) {
        case SQLITE_ROW:
            let person = Person(name: text(1) ?? "", city: text(2) ?? "", email: text(3))
            return (sqlite3_column_int64(rows, 0), JSON(person))
        case SQLITE_DONE: return nil
        default: throw SourceError(message: String(cString: sqlite3_errmsg(source)))
        }
    }
    return Int(report.entryCount)
}
