import Foundation
import StorageIO
import StorageIOTesting

/// A thread that has a current directory, descriptors or a user of its own, so that a test can change
/// them without changing them for the tests beside it. Linux only.
package enum ApartThread {
    /// What the thread has for itself.
    package enum Part {
        /// The current directory. It begins as that of the process.
        case directory
        /// The descriptors. They begin as copies of those of the process.
        case descriptors
        /// The user (number) who opens files; no group besides the user's own.
        case user(Int)
    }

    /// Whether this process may become other users.
    package static let canChangeUser: Bool = {
        #if os(Linux)
            getuid() == 0 && knowsNumbers
        #else
            false
        #endif
    }()

    /// Whether a thread can be apart at all.
    package static let isPossible: Bool = {
        #if os(Linux)
            true
        #else
            false
        #endif
    }()

    /// Runs `body` on a thread that has `parts` for itself, waits for it, and throws what it throws.
    package static func run(_ parts: Part..., body: @escaping @Sendable () throws -> Void) throws {
        let first = FirstError()
        let thread = try SystemThread {
            do {
                for part in parts { try take(part) }
                try body()
            } catch {
                first.take(error)
            }
        }
        thread.join()
        try first.rethrow()
    }

    struct Refused: Error {
        var number: Int32
    }

    private static func take(_ part: Part) throws {
        #if os(Linux)
            // The C library has the first two under names that Swift doesn't import, and changes the
            // user for all threads at once, where the system's own call changes it for one.
            let result =
                switch part {
                case .directory: call("unshare", 0x200)
                case .descriptors: call("unshare", 0x400)
                case .user(let user): become(user)
                }
            if result != 0 { throw Refused(number: errno) }
        #else
            throw Refused(number: ENOSYS)
        #endif
    }

    #if os(Linux)
        private static func call(_ name: String, _ argument: Int) -> Int {
            guard let symbol = unsafe dlsym(nil, name) else { return -1 }
            let function = unsafe unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)
            return Int(function(argument))
        }

        private static func become(_ user: Int) -> Int {
            guard let symbol = unsafe dlsym(nil, "syscall") else { return -1 }
            let call = unsafe unsafeBitCast(
                symbol, to: (@convention(c) (Int, Int, Int, Int) -> Int).self)
            let steps = [
                call(groupsNumber, 0, 0, 0), call(groupNumber, user, user, user),
                call(userNumber, user, user, user),
            ]
            return steps.first { $0 != 0 } ?? 0
        }

        // setgroups, setresgid and setresuid, whose names are macros that Swift doesn't import.
        #if arch(x86_64)
            private static let (groupsNumber, groupNumber, userNumber) = (116, 119, 117)
            private static let knowsNumbers = true
        #elseif arch(arm64)
            private static let (groupsNumber, groupNumber, userNumber) = (159, 149, 147)
            private static let knowsNumbers = true
        #else
            private static let (groupsNumber, groupNumber, userNumber) = (0, 0, 0)
            private static let knowsNumbers = false
        #endif
    #endif
}
