// Every system call and CPU intrinsic that the engine uses, behind plain C functions, with the
// platform differences inside. Swift above this line is the same on every platform.
//
// Convention: a function that can fail returns 0 (or a non-negative result) on success and the
// negated errno on failure. Interrupted calls (EINTR) are repeated here and never seen above.
#ifndef CSTORAGEIO_H
#define CSTORAGEIO_H

#include <stddef.h>
#include <stdint.h>

#include "Schedules.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- Files -------------------------------------------------------------------------------------

enum {
    CSIO_OPEN_READ_ONLY = 1,  // otherwise read and write
    CSIO_OPEN_CREATE = 2,     // create with mode 0600 when missing
    CSIO_OPEN_EXCLUSIVE = 4,  // with CREATE: fail with EEXIST when it is there
    CSIO_OPEN_NO_FOLLOW = 8,  // fail with ELOOP when the name is a symbolic link
};

/// Opens `path` close-on-exec; the result is a descriptor or a negated errno. Never 0, 1 or 2, also
/// where the program has closed those.
int csio_open(const char *path, int flags);
int csio_close(int descriptor);
/// One positional read; may be short. Bytes read, 0 at the end of the file, or a negated errno.
int64_t csio_read(int descriptor, void *buffer, size_t count, uint64_t offset);
/// One positional write; may be short. Bytes written or a negated errno.
int64_t csio_write(int descriptor, const void *buffer, size_t count, uint64_t offset);
/// Starts to write a range from the system's cache to the medium or, waiting, also waits until that is
/// done. Makes nothing durable. 0 or a negated errno.
int csio_write_back(int descriptor, uint64_t offset, uint64_t count, int waiting);
/// fdatasync, or F_FULLFSYNC on Apple platforms. Never repeated after a failure.
int csio_sync_data(int descriptor);
/// fsync for directories, or F_FULLFSYNC on Apple platforms.
int csio_sync_directory(const char *path);
int csio_truncate(int descriptor, uint64_t size);
/// Reserves disk blocks for the range and extends the file over it. Returns 0 also where the file
/// system can't reserve; the file is then only extended. When it fails, the size is as before.
/// Where fallocate is missing, no other thread may extend the file meanwhile.
int csio_preallocate(int descriptor, uint64_t offset, uint64_t count);
int64_t csio_size(int descriptor);
/// What the system knows of a file besides its content.
struct csio_status {
    uint64_t device, inode;  // which file it is
    uint64_t links;          // how many names it has
    int is_regular;          // not a directory, device, pipe …
    uint64_t owner;          // the number of the user that it belongs to
    int is_own;              // that is the user of this process
    uint64_t allocated;      // bytes that it takes on the disk; 0 where the file system does not say
};
int csio_status_of(int descriptor, struct csio_status *status);
/// The same for what a path leads to.
int csio_status_at(const char *path, struct csio_status *status);
/// 1 when the open file belongs to the owner of another open file, to the user of this process or to
/// root; 0 when it belongs to anybody else, or a negated errno.
int csio_is_trusted(int descriptor, int model);
/// Gives the open file the access rights of another, and its owner and group as far as allowed.
/// Never more rights to a group than the other file's own group has. 0, or 1 when more people may
/// still open it than should, or a negated errno.
int csio_take_rights(int descriptor, int model);
/// Makes the open file one for its owner alone to read and write.
int csio_make_private(int descriptor);
/// 1 when the last component of the path is a symbolic link, 0 when not, or a negated errno.
int csio_is_link(const char *path);
/// What the path leads to, without links, in `buffer`; its length or a negated errno.
int csio_real_path(const char *path, char *buffer, size_t count);
/// 1 when the path exists, 0 when not, or a negated errno.
int csio_exists(const char *path);
int csio_remove(const char *path);
/// Renames; with `replacing` 0 an existing target makes it fail with EEXIST.
int csio_rename(const char *from, const char *to, int replacing);
/// Takes (1 exclusive, 0 shared) or drops (-1) the whole-file lock without waiting. Open file
/// description locks where there are any, flock elsewhere. -EAGAIN when someone else holds it; then
/// *holder is that process's number, or 0 when it can't be told.
int csio_lock(int descriptor, int mode, int64_t *holder);
int csio_process_number(void);
/// How many forks lie between the process that first called this and the one that calls it.
unsigned csio_fork_depth(void);

// --- Memory ------------------------------------------------------------------------------------

/// Bytes of a page of the system's memory: 4096 on most machines, 16384 or 65536 on some with arm64.
size_t csio_page_size(void);
/// A large page of memory, on most machines.
#define CSIO_LARGE_PAGE (2 << 20)

/// Reserves address space without access rights and without backing; NULL when there is none left. A range of
/// a large page or more begins at a multiple of one, if anything of the kind is to be had; any range begins
/// at a multiple of the system's page size.
void *csio_reserve(size_t byte_count);
int csio_release(void *start, size_t byte_count);
/// Opens for reading and writing all pages of the system that a part of a reservation reaches into.
int csio_open_memory(void *start, size_t byte_count);
/// Opens them for reading alone: they read as zeros, and count as no memory.
int csio_open_memory_to_read(void *start, size_t byte_count);
/// Gives back to the system the memory of those of its pages that lie in the range as a whole; the bytes of
/// all others stay as they are. What was given back reads as zeros on Linux and Apple platforms, and as
/// anything elsewhere.
int csio_discard_memory(void *start, size_t byte_count);
/// A part of a reservation.
struct csio_range {
    size_t offset;
    size_t byte_count;
};
/// The same for several ranges of one reservation, by one system call for many where the system has it:
/// a call for each page takes longer than reading the page.
int csio_discard_ranges(void *base, const struct csio_range *ranges, size_t count);
/// Asks for pages of 2 MiB or the like behind a range, where the system has them. Only a wish.
void csio_prefer_large_pages(void *start, size_t byte_count);
/// Takes the wish back for memory not yet behind the range.
void csio_prefer_small_pages(void *start, size_t byte_count);
/// Puts what is in memory of a range, which is a large page's, into that at once, where the system can and
/// its administrator has not forbidden large pages. Only a wish.
void csio_gather_into_large_page(void *start, size_t byte_count);
/// Starts to bring the cache lines of `count` bytes near.
static inline void csio_prefetch(const void *start, size_t count) {
    const char *line = (const char *)start;
    for (size_t offset = 0; offset < count; offset += 64) __builtin_prefetch(line + offset);
}

/// The same for the one line that `byte` lies in.
static inline void csio_prefetch_line(const void *byte) { __builtin_prefetch(byte); }

/// Keeps the compiler from moving reads and writes over this place. The processor is told nothing.
static inline void csio_compiler_fence(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// --- CRC-32C -----------------------------------------------------------------------------------

/// CRC-32C (Castagnoli) of `count` bytes, continuing from `crc` (0 to start).
uint32_t csio_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The table-driven form, on every machine; the tests hold the two to each other.
uint32_t csio_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

// --- Threads, locks, time ----------------------------------------------------------------------

typedef struct csio_lock_s csio_lock_t;
typedef struct csio_condition_s csio_condition_t;
csio_lock_t *csio_lock_create(void);
void csio_lock_destroy(csio_lock_t *lock);
void csio_lock_acquire(csio_lock_t *lock);
int csio_lock_try(csio_lock_t *lock);  // 1 when taken
void csio_lock_release(csio_lock_t *lock);
csio_condition_t *csio_condition_create(void);
void csio_condition_destroy(csio_condition_t *condition);
void csio_condition_wait(csio_condition_t *condition, csio_lock_t *lock);
/// Waits at most `nanoseconds`; 1 when woken, 0 when the time is over.
int csio_condition_wait_for(csio_condition_t *condition, csio_lock_t *lock, uint64_t nanoseconds);
void csio_condition_signal(csio_condition_t *condition);
void csio_condition_broadcast(csio_condition_t *condition);

/// Starts a thread that runs body(context); its handle, or NULL.
void *csio_thread_start(void (*body)(void *), void *context);
void csio_thread_join(void *thread);
/// Lets the thread end by itself; nobody joins it.
void csio_thread_detach(void *thread);
void csio_yield(void);
void csio_sleep(uint64_t nanoseconds);
/// Monotonic nanoseconds.
uint64_t csio_now(void);
/// A number that differs between running threads, cheap to get.
uint64_t csio_thread_hint(void);
void csio_random_bytes(void *buffer, size_t count);

// --- Bytes -------------------------------------------------------------------------------------

int csio_compare(const void *a, const void *b, size_t count);

/// How many of a few ascending little-endian numbers are below `wanted`, four at a time.
static inline uint32_t csio_count_below(
    const unsigned char *numbers, uint32_t count, uint32_t wanted) {
    uint32_t index = 0;
    uint32_t below = 0;
#if !defined(__ALTIVEC__)  // There the type of a comparison of vectors depends on an option.
    typedef uint32_t four __attribute__((vector_size(16)));
    const four limit = {wanted, wanted, wanted, wanted};
    four found = {0, 0, 0, 0};
    for (; index + 4 <= count; index += 4) {
        four probe;
        __builtin_memcpy(&probe, numbers + 4 * (size_t)index, 16);
        found -= (four)(probe < limit);
    }
    below = found[0] + found[1] + found[2] + found[3];
#endif
    for (; index < count; index++) {
        uint32_t probe;
        __builtin_memcpy(&probe, numbers + 4 * (size_t)index, 4);
        below += probe < wanted;
    }
    return below;
}

/// The first of `count` ascending little-endian numbers at `numbers`, 4-aligned or not, that is not
/// below `wanted`; `count` when all are. Without branches that can be guessed wrong, which is why it
/// is not written in Swift: its compiler makes branches of every form of it.
static inline uint32_t csio_lower_bound(const void *numbers, uint32_t count, uint32_t wanted) {
    const unsigned char *first = (const unsigned char *)numbers;
    const unsigned char *base = first;
    uint32_t rest = count;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    // The last steps of a search wait for each other; to look at all that is left does not.
    const uint32_t few = 32;
#else
    const uint32_t few = 1;
#endif
    while (rest > few) {
        uint32_t half = rest >> 1, probe;
        __builtin_memcpy(&probe, base + 4 * (size_t)(half - 1), 4);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        probe = __builtin_bswap32(probe);
#endif
        base = __builtin_unpredictable(probe < wanted) ? base + 4 * (size_t)half : base;
        rest -= half;
    }
    uint32_t index = (uint32_t)((base - first) >> 2);
    if (few > 1) return index + csio_count_below(base, rest, wanted);
    if (rest == 0) return index;
    uint32_t last;
    __builtin_memcpy(&last, base, 4);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    last = __builtin_bswap32(last);
#endif
    return index + (last < wanted);
}

/// The message of an errno, copied into `buffer`.
void csio_error_message(int number, char *buffer, size_t count);

// The errno values that the engine tells apart.
int csio_errno_no_entry(void);
int csio_errno_exists(void);
int csio_errno_no_space(void);
int csio_errno_quota(void);
int csio_errno_access(void);
int csio_errno_not_permitted(void);
int csio_errno_read_only(void);
int csio_errno_again(void);
int csio_errno_is_directory(void);
int csio_errno_io(void);
int csio_errno_not_directory(void);
int csio_errno_loop(void);
int csio_errno_name_too_long(void);
int csio_errno_too_many_files(void);
int csio_errno_too_many_files_in_system(void);
int csio_errno_bad_descriptor(void);
int csio_errno_file_too_big(void);
int csio_errno_no_memory(void);

#ifdef __cplusplus
}
#endif
#endif
