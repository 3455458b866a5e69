import Foundation

/// The source tree that the tests were compiled from.
enum Repository {
    /// The folder that holds the root manifest.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The paths, relative to the root and sorted, of the files below `folder` with one of the
    /// extensions. Folders that tools make, whose names start with a dot, are passed over.
    static func files(below folder: String = "", extensions: Set<String>) -> [String] {
        let start = root.appending(path: folder)
        guard
            let walk = FileManager.default.enumerator(
                at: start, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        else { return [] }
        let prefix = root.standardizedFileURL.path + "/"
        var found: [String] = []
        for case let file as URL in walk where extensions.contains(file.pathExtension) {
            let path = file.standardizedFileURL.path
            found.append(path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path)
        }
        return found.sorted()
    }

    /// The text of the file at a path relative to the root.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The lines of the file at a path relative to the root, without their line ends.
    static func lines(_ path: String) throws -> [String] {
        try text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
