// Lent keys can't be gathered: an array holds nothing that is only lent.
// compiles: no
// says: Escapable
import KVDB

let database = try Database(inMemory: .init())
var keys: [RawSpan] = []
try database.scanKeys { key in
    keys.append(key)
    return true
}
