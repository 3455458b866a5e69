// Products: BTree, PageStore, StorageIO
//
// The tree and the page store by themselves: an ordered map with snapshots, here in memory.

import BTree
import PageStore
import StorageIO

let store = try InMemoryPageStore()
var tree = BPlusTree(store: store)

try store.beginTransaction(1)
for number in 1000..<3000 {
    try withByteView(of: "key \(number)") { key throws(StorageError) in
        try withByteView(of: "value of \(number)") { value throws(StorageError) in
            _ = try tree.put(key, value)
        }
    }
}
try store.commitTransaction()
try store.publish(1)

// A root kept from before goes on reading what it always read.
let before = tree
let pin = store.versions.register(1)

try store.beginTransaction(2)
let wasThere = try withByteView(of: "key 1234") { key throws(StorageError) in try tree.delete(key) }
try store.commitTransaction()
try store.publish(2)

let now = try withByteView(of: "key 1234") { key throws(StorageError) in try tree.get(key) }
let then = try withByteView(of: "key 1234") { key throws(StorageError) in try before.get(key) }
let rank = try withByteView(of: "key 2000") { key throws(StorageError) in try before.rank(key) }
store.versions.release(pin)

precondition(wasThere && now == nil && then == Array("value of 1234".utf8))
precondition(tree.count == 1999 && before.count == 2000 && rank == 1000)
print("tree over pages: \(tree.count) entries now, \(before.count) in the version before")
