@_spi(Engine) import KVDB
import StorageIO

/// A fault that has come: which call failed, and with what.
struct FiredFault: Sendable {
    /// Which part of a database a call was about.
    enum Target: Sendable {
        case data, log, other
    }

    /// What was called; one of the simulated file system's kinds, a system call's nearest one.
    enum Call: Sendable {
        case open, read, write, sync, truncate, preallocate, remove, rename, syncDirectory, lock
        case close
    }

    var call: Call
    var target: Target
    var code: StorageError.Code
    /// Where in the file.
    var offset: UInt64
    /// The file's size does not change and no page is dirty: the two superblocks.
    var isSuperblock: Bool { target == .data && offset < 8192 }

    /// Whether the handle must be poisoned by it ("Failure" in Docs/Architecture.md); nil where
    /// that depends on whether the head had moved.
    var mustPoison: Bool? {
        switch (call, target) {
        case (.write, .log), (.sync, .log), (.sync, .data), (.truncate, .data): true
        case (.write, .data): code != .diskFull || isSuperblock ? true : nil
        // A full disk is met before the point of commit.
        case (.preallocate, .data): code != .diskFull
        default: false
        }
    }
}

/// What a trial knows of the world that it runs in: simulated, or the system's with failing calls.
struct FaultWorld<Files: FileSystem> {
    let files: Files
    /// The database's path.
    let path: String
    /// The codes that a call which meets a fault may throw.
    let codes: Set<StorageError.Code>
    /// How many faults may come, `.max` for one that stays.
    let faultCount: Int
    /// The faults that have come so far, in order.
    var fired: () -> [FiredFault]
    /// Ends all faults.
    var clear: () -> Void
    /// What power cuts at this moment would leave, each with a name.
    let cuts: () -> [(name: String, files: Files)]
    /// A file's bytes, without faults; nil when it is not there.
    let bytes: (String) -> [UInt8]?
    /// The names of all files.
    let names: () -> [String]
}
