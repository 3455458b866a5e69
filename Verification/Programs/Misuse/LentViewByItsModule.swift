// The function by which the layers lend views of bytes is not there for an app, by its module's name either.
// compiles: no
// says: module 'StorageIO' has no member named 'withByteView'
import KVDB

let view = StorageIO.withByteView(of: [UInt8](repeating: 9, count: 100_000)) { $0 }
print(view.count)
