// The function by which the layers lend views of bytes is not there for an app.
// compiles: no
// says: cannot find 'withByteView' in scope
import KVDB

let view = withByteView(of: [UInt8](repeating: 9, count: 100_000)) { $0 }
print(view.count)
