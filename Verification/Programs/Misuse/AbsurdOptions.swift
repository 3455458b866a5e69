// Options that make no sense are refused.
// prints:
//   cacheBudget -1: invalidArgument
//   cacheBudget 2^62: invalidArgument
//   syncInterval -5: invalidArgument
//   writerTimeout -1: invalidArgument
//   timeout -1: invalidArgument
//   missing: fileNotFound
import KVDB

func open(_ name: String, _ options: Database.Options, at path: String = "my.kvdb") {
    do {
        _ = try Database(at: path, options: options)
        print(name, "opened")
    } catch {
        print("\(name): \(error.code)")
    }
}
open("cacheBudget -1", .init(cacheBudget: -1))
open("cacheBudget 2^62", .init(cacheBudget: 1 << 62))
open("syncInterval -5", .init(syncInterval: .seconds(-5)))
open("writerTimeout -1", .init(writerTimeout: .seconds(-1)))
let database = try Database(at: "other.kvdb")
do { try database.begin(timeout: .seconds(-1)).abort() } catch { print("timeout -1:", error.code) }
open("missing", .init(access: .readOnly), at: "missing.kvdb")
