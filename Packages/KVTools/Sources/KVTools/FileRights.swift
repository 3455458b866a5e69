import Foundation

/// The access rights of a file that another one takes the place of.
struct FileRights {
    private let mode: mode_t
    private let group: gid_t

    /// Those of the file that `path` leads to; nil when there is none, or a device or pipe.
    init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        mode = status.st_mode & 0o777
        group = status.st_gid
    }

    /// Gives them to the new file, which its user alone can read until then. Where it can't get the group,
    /// the group gets no access. That it keeps the narrower rights is no error: it is whole.
    func give(to path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        var isGroupSame = status.st_gid == group
        if !isGroupSame { isGroupSame = unsafe chown(path, uid_t.max, group) == 0 }
        _ = unsafe chmod(path, isGroupSame ? mode : mode & ~0o070)
    }
}
