import Foundation
import KVDB

extension Database {
    /// Opens the database in a file, or creates it, as the initializer with a path does.
    ///
    /// - Parameters:
    ///   - url: the data file; a URL of another kind is `invalidArgument`.
    ///   - options: whether it must be there, what commits wait for, how much memory it may take.
    /// - Throws: as for a path.
    public convenience init(at url: URL, options: Options = Options()) throws(StorageError) {
        guard url.isFileURL else {
            throw StorageError(
                .invalidArgument, "The URL is not one of a file; give a file's URL.",
                path: url.absoluteString)
        }
        try self.init(at: url.path(percentEncoded: false), options: options)
    }
}
