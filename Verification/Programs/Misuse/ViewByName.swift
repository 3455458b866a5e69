// The layers' view of bytes, which nothing binds to what it was made from, is not there for an app.
// compiles: no
// says: cannot find type 'ByteView' in scope
import KVDB

var kept: ByteView?
print(kept == nil)
