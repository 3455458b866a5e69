// Commits one transaction after the other until it is killed, and says so after each commit: the
// demo ends it with `kill -9` and then looks at what is left.
//
// Usage: SteadyWriter DATABASE [COMMITS]

import Foundation
import KVDB

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
    FileHandle.standardError.write(Data("Usage: SteadyWriter DATABASE [COMMITS]\n".utf8))
    exit(64)
}
let database = try Database(at: arguments[1])
let last = arguments.count > 2 ? Int(arguments[2]) ?? 0 : Int.max

var number = 0
while number < last {
    number += 1
    // Two entries that only make sense together, so that half a transaction would be seen.
    try database.write { transaction in
        try transaction.put("\(number)", for: "counter")
        try transaction.put("written with counter \(number)", for: "receipt \(number)")
    }
    // Only now, with the commit on the medium, is it promised.
    FileHandle.standardOutput.write(Data("\(number)\n".utf8))
}
try database.close()
