import Foundation

/// An empty directory of its own on the real disk, removed with all it holds when the last
/// reference goes.
public final class TemporaryDirectory: Sendable {
    /// The directory's absolute path, without a slash at the end.
    public let path: String

    /// Makes the directory, where the system keeps temporary files.
    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("kvdb-test-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        // Where the temporary directory is itself a link, locks and errors name the real place.
        path = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of `name` in the directory.
    public func file(_ name: String) -> String { path + "/" + name }

    /// The names of what is in the directory, in order.
    public func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }
}
