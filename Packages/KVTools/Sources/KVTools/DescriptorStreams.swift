import Foundation
import KVDB
import StorageIO

/// An open descriptor of the system: standard input, or whatever a path names, pipes included.
final class DescriptorInput: ByteInput {
    private let descriptor: Int32
    private let path: String
    private let closes: Bool
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Standard input.
    init() {
        descriptor = STDIN_FILENO
        path = "standard input"
        closes = false
    }

    /// Opens what `path` names, to read.
    init(path: String) throws(StorageError) {
        descriptor = try openBesideStreams(path, O_RDONLY)
        self.path = path
        closes = true
    }

    deinit { if closes { close(descriptor) } }

    func read(into buffer: inout [UInt8]) throws(StorageError) -> Int {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Foundation.read(descriptor, bytes.baseAddress, bytes.count)
            }
            if count >= 0 { return count }
            if errno != EINTR { throw .system(errno, "read", path: path) }
        }
    }
}

/// An open descriptor to write to, in pieces of at least 64 KiB.
final class DescriptorOutput: ByteOutput {
    let isTerminal: Bool
    /// A terminal that calls itself dumb, as an editor's, shows what others take for orders.
    var clearsLines: Bool {
        isTerminal && ![nil, "", "dumb"].contains(ProcessInfo.processInfo.environment["TERM"])
    }
    private let descriptor: Int32
    private let path: String
    private let closes: Bool
    private let limit: Int
    private var buffer: [UInt8] = []

    /// Standard output or standard error.
    ///
    /// - Parameter bufferByteCount: how much may be held back; 0 for messages.
    init(descriptor: Int32, name: String, bufferByteCount: Int = 65_536) {
        self.descriptor = descriptor
        path = name
        closes = false
        limit = bufferByteCount
        isTerminal = isatty(descriptor) == 1
    }

    /// Opens a device or pipe that is there, to write. Regular files are ``OutputFile``'s.
    init(path: String) throws(StorageError) {
        descriptor = try openBesideStreams(path, O_WRONLY)
        self.path = path
        closes = true
        limit = 65_536
        isTerminal = isatty(descriptor) == 1
    }

    deinit { if closes { close(descriptor) } }

    func write(_ bytes: ByteView) throws(StorageError) {
        if buffer.isEmpty && bytes.count >= limit { return try send(bytes) }
        unsafe buffer.append(contentsOf: bytes.buffer)
        if buffer.count >= limit { try flush() }
    }

    func flush() throws(StorageError) {
        guard !buffer.isEmpty else { return }
        // Emptied even when the write fails: what can't be written must not be tried again.
        defer { buffer.removeAll(keepingCapacity: true) }
        try withByteView(of: buffer) { bytes throws(StorageError) in try send(bytes) }
    }

    private func send(_ bytes: ByteView) throws(StorageError) {
        var rest = bytes
        while rest.count > 0 {
            let count = unsafe Foundation.write(descriptor, rest.start, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw .system(errno, "write to", path: path)
            }
        }
    }
}

/// Opens a file by a descriptor that is none of the standard streams, also where those are closed: a
/// message must not land in it.
private func openBesideStreams(_ path: String, _ mode: Int32) throws(StorageError) -> Int32 {
    var descriptor = unsafe open(path, mode | O_CLOEXEC)
    if descriptor >= 0, descriptor <= STDERR_FILENO {
        let first = descriptor
        descriptor = fcntl(first, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
        close(first)
    }
    if descriptor < 0 { throw .system(errno, "open", path: path) }
    return descriptor
}

extension StorageError {
    /// The error for a failed system call on a stream.
    static func system(_ number: Int32, _ action: String, path: String) -> StorageError {
        let (code, reason): (Code, String) =
            switch number {
            case ENOSPC, EDQUOT: (.diskFull, "no space is left; free some, then try again.")
            case ENOENT, ENOTDIR: (.fileNotFound, "it does not exist; check the path.")
            case EACCES, EPERM:
                (.permissionDenied, "permission is denied; check the owner and the access rights.")
            case EROFS: (.readOnly, "the file system is mounted read-only.")
            case EISDIR: (.invalidArgument, "it is a directory; give a file.")
            case EPIPE: (.inputOutput, "nobody reads from it any more.")
            case EFBIG:
                (
                    .fileTooLarge,
                    "no file may be that large here; raise the limit (ulimit -f) or use another disk."
                )
            case ENAMETOOLONG: (.inputOutput, "its name is too long; give a shorter one.")
            case EMFILE, ENFILE:
                (
                    .inputOutput,
                    "too many files are open; close some, or raise the limit (ulimit -n)."
                )
            case EBADF: (.inputOutput, "it is closed; give the command an open one.")
            case ENXIO: (.inputOutput, "nobody reads from the pipe, or there is no such device.")
            case EIO: (.inputOutput, "the device failed; check it.")
            default: (.inputOutput, "the system reported an error.")
            }
        return StorageError(code, "Can't \(action) it: \(reason)", path: path, systemCode: number)
    }

    /// Whether it says that the reader of a pipe has gone.
    var isBrokenPipe: Bool { systemCode == EPIPE }
}
