// A key of an app's own lends a span: the layers' view, which nothing binds to it, is not there.
// compiles: no
// says: no type named 'ByteView' in module 'StorageIO'
import KVDB

func count(_ view: StorageIO.ByteView) -> Int { view.count }
print(count)
