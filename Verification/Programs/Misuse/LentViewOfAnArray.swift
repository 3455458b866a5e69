// The layers' views of bytes, which can leave the closure that they are lent to, are not there for an app.
// compiles: no
// says: no member 'withByteView'
import KVDB

let view = [UInt8](repeating: 9, count: 100_000).withByteView { $0 }
print(view.count)
