// Code for any table that can be changed has no twin to take in a function that is async.
// compiles: no
// says: unavailable from asynchronous contexts; In a task, use the call with await.
import KVDB

func store(in users: some TableChanging<String, UInt64>) async throws {
    try users.put(1, for: "ada")
}
