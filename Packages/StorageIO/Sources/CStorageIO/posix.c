// Files, names and locks. See CStorageIO.h for the contract of each function.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "CStorageIO.h"
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

/// Whether an error says that there is no such call here. ENOTSUP and EOPNOTSUPP are one number on Linux
/// and two on Apple platforms, where both occur.
static int is_unsupported(int error) {
    return error == ENOSYS || error == ENOTSUP || error == EOPNOTSUPP;
}

int csio_open(const char *path, int flags) {
    // Not blocking matters only for a pipe, which the caller then refuses instead of waiting on it.
    int mode = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (flags & CSIO_OPEN_READ_ONLY ? O_RDONLY : O_RDWR);
    if (flags & CSIO_OPEN_CREATE) mode |= O_CREAT;
    if (flags & CSIO_OPEN_EXCLUSIVE) mode |= O_EXCL;
    if (flags & CSIO_OPEN_NO_FOLLOW) mode |= O_NOFOLLOW;
    return csio_open_descriptor(path, mode, 0600);
}

// A descriptor is gone after close whatever it reports, so EINTR must not repeat it.
int csio_close(int descriptor) { return close(descriptor) == 0 || errno == EINTR ? 0 : -errno; }

int64_t csio_read(int descriptor, void *buffer, size_t count, uint64_t offset) {
    for (;;) {
        ssize_t result = pread(descriptor, buffer, count, (off_t)offset);
        if (result >= 0) return result;
        if (errno != EINTR) return -errno;
    }
}

int64_t csio_write(int descriptor, const void *buffer, size_t count, uint64_t offset) {
    for (;;) {
        ssize_t result = pwrite(descriptor, buffer, count, (off_t)offset);
        if (result >= 0) return result;
        if (errno != EINTR) return -errno;
    }
}

// A failed sync is never tried again, but an interrupted one has not failed: it gave up waiting (as
// file systems over a network or in user space do), and no error of a write was reported and so
// forgotten with it.
static int sync_file(int descriptor) {
    for (;;) {
        if (fsync(descriptor) == 0) return 0;
        if (errno != EINTR) return -errno;
    }
}

int csio_sync_data(int descriptor) {
    for (;;) {
#if defined(__APPLE__)
        // Only F_FULLFSYNC reaches the medium there; some file systems don't know it.
        if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
        if (errno == ENOTSUP || errno == EINVAL || errno == ENOTTY) return sync_file(descriptor);
#else
        if (fdatasync(descriptor) == 0) return 0;
#endif
        if (errno != EINTR) return -errno;
    }
}

int csio_write_back(int descriptor, uint64_t offset, uint64_t count, int waiting) {
#if defined(__linux__)
    unsigned flags = SYNC_FILE_RANGE_WRITE;
    if (waiting) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    for (;;) {
        if (sync_file_range(descriptor, (off_t)offset, (off_t)count, flags) == 0) return 0;
        // What has no such call, or is no file of that kind, does without.
        if (is_unsupported(errno) || errno == EPERM || errno == ESPIPE || errno == EINVAL) return 0;
        if (errno != EINTR) return -errno;
    }
#else
    (void)descriptor, (void)offset, (void)count, (void)waiting;
    return 0;
#endif
}

int csio_sync_directory(const char *path) {
    int descriptor = csio_open_descriptor(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY, 0);
    if (descriptor < 0) return descriptor;
#if defined(__APPLE__)
    // fsync alone leaves a new name in the drive's cache there.
    int result = csio_sync_data(descriptor);
#else
    int result = sync_file(descriptor);
#endif
    close(descriptor);
    // Some file systems have no way to sync a directory; there is nothing more to ask of them.
    return result == -EINVAL || is_unsupported(-result) ? 0 : result;
}

int csio_truncate(int descriptor, uint64_t size) {
    for (;;) {
        if (ftruncate(descriptor, (off_t)size) == 0) return 0;
        if (errno != EINTR) return -errno;
    }
}

static int extend_to(int descriptor, uint64_t size) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) return -errno;
    if ((uint64_t)information.st_size >= size) return 0;
    int result = csio_truncate(descriptor, size);
    if (result != -EPERM && result != -EINVAL && !is_unsupported(-result)) return result;
    // Some file systems grow a file by writing alone.
    int64_t written = csio_write(descriptor, "", 1, size - 1);
    return written < 0 ? (int)written : 0;
}

int csio_preallocate(int descriptor, uint64_t offset, uint64_t count) {
#if defined(__APPLE__)
    fstore_t request = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, 0, 0};
    struct stat information;
    if (fstat(descriptor, &information) != 0) return -errno;
    uint64_t end = offset + count;
    if (end > (uint64_t)information.st_size) {
        request.fst_length = (off_t)(end - (uint64_t)information.st_size);
        if (fcntl(descriptor, F_PREALLOCATE, &request) != 0 && errno == ENOSPC) return -ENOSPC;
    }
    return extend_to(descriptor, end);
#elif defined(__linux__)
    // First the blocks, then the size: so a full disk is met before anything has changed, and the
    // second call, which then needs no space, can't cut off what another thread wrote meanwhile.
    int mode = FALLOC_FL_KEEP_SIZE;
    for (;;) {
        if (fallocate(descriptor, mode, (off_t)offset, (off_t)count) == 0) {
            if (mode == 0) return 0;
            mode = 0;
            continue;
        }
        if (errno == EINTR) continue;
        // EPERM is what filters of system calls say; a file that may not grow says so again.
        if (is_unsupported(errno) || errno == EPERM || errno == EINVAL)
            return extend_to(descriptor, offset + count);
        return -errno;
    }
#elif defined(__FreeBSD__) || defined(__NetBSD__)
    int error;
    do {
        error = posix_fallocate(descriptor, (off_t)offset, (off_t)count);
    } while (error == EINTR);
    if (error == 0) return 0;
    if (!is_unsupported(error) && error != EINVAL) return -error;
    return extend_to(descriptor, offset + count);
#else
    return extend_to(descriptor, offset + count);
#endif
}

int64_t csio_size(int descriptor) {
    struct stat information;
    return fstat(descriptor, &information) == 0 ? (int64_t)information.st_size : -errno;
}

static void copy_status(const struct stat *from, struct csio_status *to) {
    to->device = (uint64_t)from->st_dev;
    to->inode = (uint64_t)from->st_ino;
    to->links = (uint64_t)from->st_nlink;
    to->is_regular = S_ISREG(from->st_mode);
    to->owner = (uint64_t)from->st_uid;
    to->is_own = from->st_uid == geteuid();
    to->allocated = (uint64_t)from->st_blocks * 512;
}

/// Asks for the number of names once more, when it is more than one: over a network and in user space it
/// may be remembered from before another name was removed.
static void look_again(int directory, const char *path, int flags, struct csio_status *status) {
#if defined(__linux__) && defined(SYS_statx)
    // The system's record has 256 bytes; not every libc declares it.
    enum { links_wanted = 4, sync_forced = 0x2000, links_offset = 16 };
    unsigned char record[256];
    uint32_t links;
    if (status->links <= 1) return;
    if (syscall(SYS_statx, directory, path, flags | sync_forced, links_wanted, record) != 0) return;
    memcpy(&links, record + links_offset, sizeof links);
    if (links > 0) status->links = links;
#else
    (void)directory, (void)path, (void)flags, (void)status;
#endif
}

int csio_status_of(int descriptor, struct csio_status *status) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) return -errno;
    copy_status(&information, status);
    const int descriptor_itself = 0x1000;  // AT_EMPTY_PATH
    look_again(descriptor, "", descriptor_itself, status);
    return 0;
}

int csio_status_at(const char *path, struct csio_status *status) {
    struct stat information;
    if (stat(path, &information) != 0) return -errno;
    copy_status(&information, status);
    look_again(AT_FDCWD, path, 0, status);
    return 0;
}

int csio_is_trusted(int descriptor, int model) {
    struct stat own, other;
    if (fstat(descriptor, &own) != 0 || fstat(model, &other) != 0) return -errno;
    return own.st_uid == other.st_uid || own.st_uid == geteuid() || own.st_uid == 0;
}

int csio_take_rights(int descriptor, int model) {
    struct stat own, other;
    if (fstat(descriptor, &own) != 0 || fstat(model, &other) != 0) return -errno;
    mode_t mode = other.st_mode & 0777;
    if (own.st_uid != other.st_uid || own.st_gid != other.st_gid) {
        // Only root may give a file away; whoever is in a group may give it to that.
        if (fchown(descriptor, other.st_uid, other.st_gid) != 0 &&
            fchown(descriptor, (uid_t)-1, other.st_gid) != 0 && errno != EPERM && errno != EINVAL)
            return -errno;
        if (fstat(descriptor, &own) != 0) return -errno;
        if (own.st_gid != other.st_gid) mode &= ~(mode_t)070;
    }
    if ((own.st_mode & 07777) == mode) return 0;
    // It may be the other file's owner's, who then is the one to change it.
    // Where a file system keeps no rights, there are none to give or to take.
    if (fchmod(descriptor, mode) != 0 && errno != EPERM)
        return is_unsupported(errno) ? 0 : -errno;
    if (fstat(descriptor, &own) != 0) return -errno;
    return (own.st_mode & 0777 & ~mode) != 0;
}

int csio_make_private(int descriptor) {
    return fchmod(descriptor, 0600) == 0 || is_unsupported(errno) ? 0 : -errno;
}

int csio_is_link(const char *path) {
    struct stat information;
    if (lstat(path, &information) == 0) return S_ISLNK(information.st_mode);
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

int csio_real_path(const char *path, char *buffer, size_t count) {
    char *real = realpath(path, NULL);
    if (!real) return -errno;
    size_t length = strlen(real);
    int result = length < count ? (int)length : -ENAMETOOLONG;
    if (result >= 0) memcpy(buffer, real, length + 1);
    free(real);
    return result;
}

int csio_exists(const char *path) {
    struct stat information;
    if (stat(path, &information) == 0) return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

int csio_remove(const char *path) { return unlink(path) == 0 ? 0 : -errno; }

int csio_rename(const char *from, const char *to, int replacing) {
    if (replacing) return rename(from, to) == 0 ? 0 : -errno;
#if defined(__APPLE__)
    if (renamex_np(from, to, RENAME_EXCL) == 0) return 0;
    if (!is_unsupported(errno) && errno != EINVAL) return -errno;
#elif defined(SYS_renameat2)
    const unsigned no_replace = 1;  // RENAME_NOREPLACE, which not every libc declares
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, no_replace) == 0) return 0;
    // EPERM is what filters of system calls say; where it is the directory's answer, it comes again.
    if (!is_unsupported(errno) && errno != EPERM && errno != EINVAL) return -errno;
#endif
    // A file system without that: a link fails where the target is there already, in one step, on every POSIX system.
    if (link(from, to) == 0) return unlink(from) == 0 ? 0 : -errno;
    if (!is_unsupported(errno) && errno != EPERM && errno != EACCES) return -errno;
    // A file system without hard links, or a system that allows programs none: the window between the look and the rename remains.
    struct stat information;
    if (lstat(to, &information) == 0) return -EEXIST;
    return rename(from, to) == 0 ? 0 : -errno;
}

#if defined(F_OFD_SETLK) && !defined(__APPLE__)
// The lock that counts is on one byte far beyond any content and belongs to the open file
// description, so closing another descriptor of the same file does not drop it. The system can't
// name its holder; so the holder also takes a classic record lock on the next byte, which says
// who it is and protects nothing.
static const off_t lock_byte = (off_t)1 << 62;

static struct flock lock_request(short type, off_t start) {
    struct flock request;
    memset(&request, 0, sizeof request);
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = start;
    request.l_len = 1;
    return request;
}

int csio_lock(int descriptor, int mode, int64_t *holder) {
    short type = mode < 0 ? F_UNLCK : mode > 0 ? F_WRLCK : F_RDLCK;
    struct flock request = lock_request(type, lock_byte);
    if (holder) *holder = 0;
    int result;
    do {
        result = fcntl(descriptor, F_OFD_SETLK, &request);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        int error = errno;
        if (error != EAGAIN && error != EACCES) return -error;
        struct flock name = lock_request(F_WRLCK, lock_byte + 1);
        if (holder && fcntl(descriptor, F_GETLK, &name) == 0 && name.l_type != F_UNLCK)
            *holder = (int64_t)name.l_pid;
        return -EAGAIN;
    }
    struct flock name = lock_request(type, lock_byte + 1);
    (void)fcntl(descriptor, F_SETLK, &name);
    return 0;
}
#else
int csio_lock(int descriptor, int mode, int64_t *holder) {
    if (holder) *holder = 0;
    int operation = mode < 0 ? LOCK_UN : (mode > 0 ? LOCK_EX : LOCK_SH) | LOCK_NB;
    int result;
    do {
        result = flock(descriptor, operation);
    } while (result != 0 && errno == EINTR);
    if (result == 0) return 0;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}
#endif

int csio_process_number(void) { return (int)getpid(); }

static unsigned fork_depth;
static pthread_once_t fork_watch = PTHREAD_ONCE_INIT;
// Only the thread that forked is there when these run.
static void count_fork(void) { __atomic_add_fetch(&fork_depth, 1, __ATOMIC_RELEASE); }
static void watch_forks(void) { pthread_atfork(NULL, NULL, count_fork); }

unsigned csio_fork_depth(void) {
    pthread_once(&fork_watch, watch_forks);
    return __atomic_load_n(&fork_depth, __ATOMIC_ACQUIRE);
}

void csio_error_message(int number, char *buffer, size_t count) {
    if (count == 0) return;
    const char *text = strerror(number);
    strncpy(buffer, text, count - 1);
    buffer[count - 1] = 0;
}

int csio_compare(const void *a, const void *b, size_t count) {
    return count ? memcmp(a, b, count) : 0;
}

int csio_errno_no_entry(void) { return ENOENT; }
int csio_errno_exists(void) { return EEXIST; }
int csio_errno_no_space(void) { return ENOSPC; }
int csio_errno_quota(void) { return EDQUOT; }
int csio_errno_access(void) { return EACCES; }
int csio_errno_not_permitted(void) { return EPERM; }
int csio_errno_read_only(void) { return EROFS; }
int csio_errno_again(void) { return EAGAIN; }
int csio_errno_is_directory(void) { return EISDIR; }
int csio_errno_io(void) { return EIO; }
int csio_errno_not_directory(void) { return ENOTDIR; }
int csio_errno_loop(void) { return ELOOP; }
int csio_errno_name_too_long(void) { return ENAMETOOLONG; }
int csio_errno_too_many_files(void) { return EMFILE; }
int csio_errno_too_many_files_in_system(void) { return ENFILE; }
int csio_errno_bad_descriptor(void) { return EBADF; }
int csio_errno_file_too_big(void) { return EFBIG; }
int csio_errno_no_memory(void) { return ENOMEM; }
