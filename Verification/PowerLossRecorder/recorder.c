// Records what a program asks of the file system, so that a checker can say what a power loss at any
// moment would have left. Preloaded into the program (LD_PRELOAD), it stands between the program and the
// C library, and shares nothing with the simulated file system of the other crash tests.
//
//   KVDB_RECORDED_DIRECTORY   the directory whose files are recorded, without a link in its path
//   KVDB_RECORDING            the file that the records are appended to, in another directory
//
// A record is a header of 40 bytes, in the byte order of the machine, then `name_length` bytes of a name,
// `other_length` bytes of another name, and, for a write, `length` bytes of content. Names are relative to
// the recorded directory. Files are told apart by inode number, which the system gives again once a file
// is gone: a file that is created is a new one whatever its number. The reader is
// CrashTest/PowerLoss/RecordedCall.swift.
//
// A call that changes something happens under a lock, together with its record, so the records are in
// the order of the effects. A sync has two records, one before it and one behind, and others may come
// between. A call that is not understood, such as a shared writable mapping, is recorded as that, and the
// checker refuses the recording.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum kind {
    CREATED = 1,
    WRITTEN = 2,
    RESIZED = 3,
    ZEROED = 4,
    SYNC_BEGINS = 5,
    SYNC_ENDS = 6,
    DIRECTORY_SYNC_BEGINS = 7,
    DIRECTORY_SYNC_ENDS = 8,
    RENAMED = 9,
    LINKED = 10,
    UNLINKED = 11,
    NOT_UNDERSTOOD = 12,
};

struct header {
    uint32_t kind;
    uint32_t name_length, other_length;
    uint32_t sync;  // tells syncs apart
    uint64_t inode;
    uint64_t offset;
    uint64_t length;
};
_Static_assert(sizeof(struct header) == 40, "the checker reads 40 bytes");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[PATH_MAX];
static size_t directory_length;
static int recording = -1;
static uint32_t sync_count;

#define REAL(name) ((__typeof__(&name))find(#name))
static void *find(const char *name) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) {
        fprintf(stderr, "recorder: the C library has no %s\n", name);
        abort();
    }
    return symbol;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KVDB_RECORDED_DIRECTORY"), *into = getenv("KVDB_RECORDING");
    if (!path || !into || strlen(path) >= sizeof directory) return;
    strcpy(directory, path);
    directory_length = strlen(directory);
    // By number, since the C library's function is this file's own.
    recording = (int)REAL(syscall)(SYS_openat, AT_FDCWD, into, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (recording < 0) {
        perror("recorder");
        abort();
    }
}

// --- Records -------------------------------------------------------------------------------------

static void append(const void *bytes, size_t count) {
    const char *from = bytes;
    while (count > 0) {
        ssize_t done = (ssize_t)REAL(syscall)(SYS_write, recording, from, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) {
            perror("recorder");
            abort();
        }
        from += done;
        count -= (size_t)done;
    }
}

/// Appends a record; the caller holds the lock.
static void note(struct header header, const char *name, const char *other, const void *content) {
    int error = errno;
    header.name_length = name ? (uint32_t)strlen(name) : 0;
    header.other_length = other ? (uint32_t)strlen(other) : 0;
    append(&header, sizeof header);
    if (name) append(name, header.name_length);
    if (other) append(other, header.other_length);
    if (content) append(content, header.length);
    errno = error;
}

static void refuse(const char *call) {
    pthread_mutex_lock(&lock);
    note((struct header){.kind = NOT_UNDERSTOOD}, call, 0, 0);
    pthread_mutex_unlock(&lock);
}

// --- What is recorded ----------------------------------------------------------------------------

/// The part of a path behind the recorded directory; 0 when it leads elsewhere.
static const char *inside(const char *path) {
    if (recording < 0 || strncmp(path, directory, directory_length) != 0) return 0;
    if (path[directory_length] == 0) return ".";
    return path[directory_length] == '/' ? path + directory_length + 1 : 0;
}

/// The same of a name as a call gives it: the directory that it is in without links, and its last part.
static const char *name_of(int from, const char *path, char buffer[PATH_MAX * 2]) {
    if (recording < 0 || !path) return 0;
    int error = errno;
    char whole[PATH_MAX * 2], parent[PATH_MAX];
    if (path[0] == '/') {
        snprintf(whole, sizeof whole, "%s", path);
    } else if (from == AT_FDCWD) {
        if (!getcwd(parent, sizeof parent)) parent[0] = 0;
        snprintf(whole, sizeof whole, "%s/%s", parent, path);
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", from);
        ssize_t length = readlink(link, parent, sizeof parent - 1);
        parent[length < 0 ? 0 : length] = 0;
        snprintf(whole, sizeof whole, "%s/%s", parent, path);
    }
    char *last = strrchr(whole, '/');
    *last = 0;
    char *real = realpath(whole[0] ? whole : "/", 0);
    const char *result = 0;
    if (real) {
        snprintf(buffer, PATH_MAX * 2, "%s/%s", real, last + 1);
        free(real);
        result = inside(buffer);
    }
    errno = error;
    return result;
}

/// The name of the recorded file that a descriptor is open on; 0 for any other.
static const char *name_of_descriptor(int descriptor, char buffer[PATH_MAX * 2], struct stat *found) {
    if (recording < 0 || descriptor == recording) return 0;
    int error = errno;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, buffer, PATH_MAX * 2 - 1);
    const char *result = 0;
    if (length > 0 && buffer[0] == '/') {
        buffer[length] = 0;
        result = inside(buffer);
        if (result && fstat(descriptor, found) != 0) result = 0;
        if (result && !S_ISREG(found->st_mode) && !S_ISDIR(found->st_mode)) result = 0;
    }
    errno = error;
    return result;
}

// --- Opening -------------------------------------------------------------------------------------

static int open_recorded(int from, const char *path, int flags, mode_t mode) {
    char buffer[PATH_MAX * 2];
    const char *name = flags & O_ACCMODE ? name_of(from, path, buffer) : 0;
    if (!name) return (int)REAL(syscall)(SYS_openat, from, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat before, after;
    int was_there = fstatat(from, path, &before, 0) == 0;
    int descriptor = (int)REAL(syscall)(SYS_openat, from, path, flags, mode);
    if (descriptor >= 0 && fstat(descriptor, &after) == 0) {
        if (!was_there)
            note((struct header){.kind = CREATED, .inode = after.st_ino}, name, 0, 0);
        else if (flags & O_TRUNC)
            note((struct header){.kind = RESIZED, .inode = after.st_ino}, 0, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return descriptor;
}

static mode_t mode_argument(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(arguments, int) : 0;
}

#define OPEN(call)                                        \
    EXPORT int call(const char *path, int flags, ...) {   \
        va_list arguments;                                \
        va_start(arguments, flags);                       \
        mode_t mode = mode_argument(flags, arguments);    \
        va_end(arguments);                                \
        return open_recorded(AT_FDCWD, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(call)                                              \
    EXPORT int call(int from, const char *path, int flags, ...) { \
        va_list arguments;                                        \
        va_start(arguments, flags);                               \
        mode_t mode = mode_argument(flags, arguments);            \
        va_end(arguments);                                        \
        return open_recorded(from, path, flags, mode);            \
    }
OPENAT(openat)
OPENAT(openat64)

// --- Content -------------------------------------------------------------------------------------

static ssize_t write_recorded(int descriptor, const void *bytes, size_t count, int64_t offset) {
    char buffer[PATH_MAX * 2];
    struct stat file;
    const char *name = name_of_descriptor(descriptor, buffer, &file);
    if (name) pthread_mutex_lock(&lock);
    ssize_t done;
    if (offset >= 0) {
        done = (ssize_t)REAL(syscall)(SYS_pwrite64, descriptor, bytes, count, offset);
    } else {
        done = (ssize_t)REAL(syscall)(SYS_write, descriptor, bytes, count);
        // Where it ended is where it began and what it wrote, also at a file's end.
        if (name && done > 0) offset = lseek(descriptor, 0, SEEK_CUR) - done;
    }
    if (!name) return done;
    if (done > 0)
        note(
            (struct header){
                .kind = WRITTEN, .inode = file.st_ino, .offset = (uint64_t)offset,
                .length = (uint64_t)done},
            0, 0, bytes);
    pthread_mutex_unlock(&lock);
    return done;
}

EXPORT ssize_t write(int descriptor, const void *bytes, size_t count) {
    return write_recorded(descriptor, bytes, count, -1);
}
EXPORT ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return write_recorded(descriptor, bytes, count, offset);
}
EXPORT ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return write_recorded(descriptor, bytes, count, offset);
}

static int truncate_recorded(int descriptor, int64_t size) {
    char buffer[PATH_MAX * 2];
    struct stat file;
    const char *name = name_of_descriptor(descriptor, buffer, &file);
    if (name) pthread_mutex_lock(&lock);
    int result = (int)REAL(syscall)(SYS_ftruncate, descriptor, size);
    if (!name) return result;
    if (result == 0)
        note(
            (struct header){.kind = RESIZED, .inode = file.st_ino, .length = (uint64_t)size}, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int ftruncate(int descriptor, off_t size) { return truncate_recorded(descriptor, size); }
EXPORT int ftruncate64(int descriptor, off64_t size) { return truncate_recorded(descriptor, size); }

static int allocate_recorded(int descriptor, int mode, int64_t offset, int64_t count) {
    char buffer[PATH_MAX * 2];
    struct stat file;
    const char *name = name_of_descriptor(descriptor, buffer, &file);
    if (name) pthread_mutex_lock(&lock);
    int result = (int)REAL(syscall)(SYS_fallocate, descriptor, mode, offset, count);
    if (!name) return result;
    struct stat after;
    if (result == 0 && fstat(descriptor, &after) == 0) {
        struct header header = {.inode = file.st_ino};
        if (mode == 0 || mode == FALLOC_FL_KEEP_SIZE) {
            if (after.st_size != file.st_size) {
                header.kind = RESIZED;
                header.length = (uint64_t)after.st_size;
            }
        } else if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
            header.kind = ZEROED;
            header.offset = (uint64_t)offset;
            header.length = (uint64_t)count;
        } else {
            header.kind = NOT_UNDERSTOOD;
        }
        if (header.kind) note(header, header.kind == NOT_UNDERSTOOD ? "fallocate" : 0, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int fallocate(int descriptor, int mode, off_t offset, off_t count) {
    return allocate_recorded(descriptor, mode, offset, count);
}
EXPORT int fallocate64(int descriptor, int mode, off64_t offset, off64_t count) {
    return allocate_recorded(descriptor, mode, offset, count);
}
EXPORT int posix_fallocate(int descriptor, off_t offset, off_t count) {
    return allocate_recorded(descriptor, 0, offset, count) == 0 ? 0 : errno;
}
EXPORT int posix_fallocate64(int descriptor, off64_t offset, off64_t count) {
    return allocate_recorded(descriptor, 0, offset, count) == 0 ? 0 : errno;
}

// --- Syncs ---------------------------------------------------------------------------------------

static int sync_recorded(long call, int descriptor) {
    char buffer[PATH_MAX * 2];
    struct stat file;
    const char *name = name_of_descriptor(descriptor, buffer, &file);
    if (!name) return (int)REAL(syscall)(call, descriptor);
    int is_directory = S_ISDIR(file.st_mode);
    struct header header = {
        .kind = is_directory ? DIRECTORY_SYNC_BEGINS : SYNC_BEGINS, .inode = file.st_ino};
    pthread_mutex_lock(&lock);
    header.sync = ++sync_count;
    note(header, is_directory ? name : 0, 0, 0);
    pthread_mutex_unlock(&lock);
    int result = (int)REAL(syscall)(call, descriptor);
    if (result == 0) {
        header.kind = is_directory ? DIRECTORY_SYNC_ENDS : SYNC_ENDS;
        pthread_mutex_lock(&lock);
        note(header, is_directory ? name : 0, 0, 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

EXPORT int fsync(int descriptor) { return sync_recorded(SYS_fsync, descriptor); }
EXPORT int fdatasync(int descriptor) { return sync_recorded(SYS_fdatasync, descriptor); }

/// Starts or awaits writing, and promises nothing: no file system writes its own blocks for it.
EXPORT int sync_file_range(int descriptor, off64_t offset, off64_t count, unsigned flags) {
    return (int)REAL(syscall)(SYS_sync_file_range, descriptor, offset, count, flags);
}

// --- Names ---------------------------------------------------------------------------------------

static int rename_recorded(
    int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    char from_buffer[PATH_MAX * 2], to_buffer[PATH_MAX * 2];
    const char *old = name_of(from_directory, from, from_buffer);
    const char *new = name_of(to_directory, to, to_buffer);
    if (!old && !new)
        return (int)REAL(syscall)(SYS_renameat2, from_directory, from, to_directory, to, flags);
    pthread_mutex_lock(&lock);
    int result = (int)REAL(syscall)(SYS_renameat2, from_directory, from, to_directory, to, flags);
    if (result == 0) {
        int is_plain = old && new && (flags & ~(unsigned)RENAME_NOREPLACE) == 0;
        if (is_plain)
            note((struct header){.kind = RENAMED}, old, new, 0);
        else
            note((struct header){.kind = NOT_UNDERSTOOD}, "rename", 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int rename(const char *from, const char *to) {
    return rename_recorded(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return rename_recorded(from_directory, from, to_directory, to, 0);
}
EXPORT int renameat2(
    int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return rename_recorded(from_directory, from, to_directory, to, flags);
}

static int link_recorded(
    int from_directory, const char *from, int to_directory, const char *to, int flags) {
    char from_buffer[PATH_MAX * 2], to_buffer[PATH_MAX * 2];
    const char *old = name_of(from_directory, from, from_buffer);
    const char *new = name_of(to_directory, to, to_buffer);
    if (!old && !new)
        return (int)REAL(syscall)(SYS_linkat, from_directory, from, to_directory, to, flags);
    pthread_mutex_lock(&lock);
    int result = (int)REAL(syscall)(SYS_linkat, from_directory, from, to_directory, to, flags);
    if (result == 0) {
        if (old && new)
            note((struct header){.kind = LINKED}, old, new, 0);
        else
            note((struct header){.kind = NOT_UNDERSTOOD}, "link", 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int link(const char *from, const char *to) {
    return link_recorded(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int linkat(
    int from_directory, const char *from, int to_directory, const char *to, int flags) {
    return link_recorded(from_directory, from, to_directory, to, flags);
}

static int unlink_recorded(int from, const char *path, int flags) {
    char buffer[PATH_MAX * 2];
    const char *name = flags & AT_REMOVEDIR ? 0 : name_of(from, path, buffer);
    if (!name) return (int)REAL(syscall)(SYS_unlinkat, from, path, flags);
    pthread_mutex_lock(&lock);
    int result = (int)REAL(syscall)(SYS_unlinkat, from, path, flags);
    if (result == 0) note((struct header){.kind = UNLINKED}, name, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int unlink(const char *path) { return unlink_recorded(AT_FDCWD, path, 0); }
EXPORT int unlinkat(int from, const char *path, int flags) {
    return unlink_recorded(from, path, flags);
}

// --- Calls by number, and calls that would go past the recording ---------------------------------

EXPORT long syscall(long number, ...) {
    long values[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) values[i] = va_arg(arguments, long);
    va_end(arguments);
    switch (number) {
    case SYS_renameat2:
        return rename_recorded(
            (int)values[0], (const char *)values[1], (int)values[2], (const char *)values[3],
            (unsigned)values[4]);
    case SYS_openat:
        return open_recorded((int)values[0], (const char *)values[1], (int)values[2], (mode_t)values[3]);
    case SYS_write:
        return write_recorded((int)values[0], (const void *)values[1], (size_t)values[2], -1);
    case SYS_pwrite64:
        return write_recorded(
            (int)values[0], (const void *)values[1], (size_t)values[2], values[3]);
    default:
        return REAL(syscall)(
            number, values[0], values[1], values[2], values[3], values[4], values[5]);
    }
}

static void refuse_descriptor(int descriptor, const char *call) {
    char buffer[PATH_MAX * 2];
    struct stat file;
    if (name_of_descriptor(descriptor, buffer, &file)) refuse(call);
}

EXPORT ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    refuse_descriptor(descriptor, "writev");
    return REAL(writev)(descriptor, parts, count);
}
EXPORT ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    refuse_descriptor(descriptor, "pwritev");
    return REAL(pwritev)(descriptor, parts, count, offset);
}
EXPORT ssize_t copy_file_range(
    int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
    refuse_descriptor(to, "copy_file_range");
    return REAL(copy_file_range)(from, from_offset, to, to_offset, count, flags);
}
EXPORT void *mmap(void *address, size_t count, int protection, int flags, int descriptor, off_t offset) {
    if (descriptor >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE))
        refuse_descriptor(descriptor, "mmap");
    return (void *)REAL(syscall)(SYS_mmap, address, count, protection, flags, descriptor, offset);
}
