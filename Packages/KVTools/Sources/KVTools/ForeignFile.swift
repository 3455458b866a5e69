import StorageIO

/// What a file is that is no database, as far as its first bytes tell.
enum ForeignFile {
    /// What to say about the file at `path`; nil when it is none of those known here.
    static func kind(of path: String) -> String? {
        guard let input = try? DescriptorInput(path: path),
            let head = try? PeekedInput(input, count: 16).head
        else { return nil }
        if head.starts(with: Array("SQLite format 3\0".utf8)) {
            return "This is an SQLite database, not one of this kind."
        }
        if head.starts(with: Array("TKDB_EXP".utf8)) || LZ4FrameDecoder.recognises(head) {
            return "This is \(head[0] == 0x54 ? "an export" : "an LZ4 file"), not a database; "
                + "`kvtools import NEW \(path)` makes one of it."
        }
        if head.starts(with: Array("KVDB-WAL".utf8)) {
            return "This is a database's log; give the database, whose name has no -wal."
        }
        return nil
    }
}
