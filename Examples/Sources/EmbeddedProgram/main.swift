// Built under Embedded Swift (make embedded): no runtime metadata, no Foundation, no existentials.

import BTree
import PageStore
import StorageIO

func run() throws(StorageError) -> UInt64 {
    let store = try InMemoryPageStore()
    var tree = BPlusTree(store: store)
    try store.beginTransaction(1)
    let key: [UInt8] = [1, 2, 3]
    try key.span.bytes.withUnsafeBytes { bytes throws(StorageError) in
        _ = try tree.put(ByteView(bytes), ByteView(bytes))
    }
    store.commitTransaction()
    return tree.count
}

do throws(StorageError) {
    print("\(try run())")
    print("OK")
} catch {
    print(error.message)
}
