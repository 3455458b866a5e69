// See CSystemFaults.h. How: a definition in the program comes before the C library's when the program
// is linked, so these are called, and find the library's own by dlsym(RTLD_NEXT).
//
// Fault model: a failing call has no effect, but for a write, of which the first half may be
// there (as the system has it: a short write, then the error), and a close, which closes all the
// same. EINTR comes before any effect. Not modelled: errors of stat, fstat, lstat, access, mmap.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "CSystemFaults.h"

// Other C libraries lack some of these calls and types, or are linked so that nothing can come before them.
#if defined(__linux__) && defined(__GLIBC__)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define KEPT 65536
#define DESCRIPTORS 4096

struct fault {
    int kinds;
    uint64_t number;
    uint64_t seen;
    int error;
    int forever;
    int partial;
};

static atomic_int is_active;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// All below is guarded by `lock`.
static char directory[1024];
static struct fault faults[8];
static int fault_count;
static int interrupts, shortens;
static uint64_t random_state;
static uint64_t disturbances;
static struct csf_call calls[KEPT];
static uint64_t call_count;
// What a descriptor is open on: 0 nothing of the plan's, else 1 + target, 4 for the directory.
static unsigned char opened[DESCRIPTORS];
// A write on it was cut short before it fails.
static int pending_error[DESCRIPTORS];
// The last call of this thread was interrupted, so this one is its repetition.
static __thread int was_interrupted;

int csf_available(void) { return 1; }

void csf_begin(const char *path) {
    pthread_mutex_lock(&lock);
    strncpy(directory, path, sizeof directory - 1);
    fault_count = 0;
    interrupts = shortens = 0;
    disturbances = call_count = 0;
    memset(opened, 0, sizeof opened);
    memset(pending_error, 0, sizeof pending_error);
    pthread_mutex_unlock(&lock);
    atomic_store(&is_active, 1);
}

void csf_pause(int paused) { atomic_store(&is_active, !paused); }

void csf_end(void) { atomic_store(&is_active, 0); }

void csf_fail(int kinds, uint64_t number, int error, int forever, int partial) {
    pthread_mutex_lock(&lock);
    if (fault_count < 8)
        faults[fault_count++] = (struct fault){kinds, number, 0, error, forever, partial};
    pthread_mutex_unlock(&lock);
}

void csf_disturb(int interrupt, int shorten, uint64_t seed) {
    pthread_mutex_lock(&lock);
    interrupts = interrupt;
    shortens = shorten;
    random_state = seed * 2 + 1;
    pthread_mutex_unlock(&lock);
}

void csf_clear(void) {
    pthread_mutex_lock(&lock);
    fault_count = 0;
    interrupts = shortens = 0;
    memset(pending_error, 0, sizeof pending_error);
    pthread_mutex_unlock(&lock);
}

uint64_t csf_count(void) {
    pthread_mutex_lock(&lock);
    uint64_t result = call_count;
    pthread_mutex_unlock(&lock);
    return result;
}

uint64_t csf_disturbances(void) {
    pthread_mutex_lock(&lock);
    uint64_t result = disturbances;
    pthread_mutex_unlock(&lock);
    return result;
}

struct csf_call csf_get(uint64_t index) {
    struct csf_call result = {0, 0, 0, 0};
    pthread_mutex_lock(&lock);
    if (index < call_count && index < KEPT) result = calls[index];
    pthread_mutex_unlock(&lock);
    return result;
}

static uint64_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int target_of(const char *path) {
    size_t length = strlen(path);
    if (length >= 4 && strcmp(path + length - 4, "-wal") == 0) return 1;
    if (length >= 3 && strcmp(path + length - 3, ".db") == 0) return 0;
    return 2;
}

static int is_inside(const char *path) {
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

// What the plan has for a call that is about a file of its directory: 0 to pass it on, or the error
// to fail with. Under `lock`.
static int decide(int kind, int target, uint64_t offset, int *partial) {
    const int interruptible =
        CSF_OPEN | CSF_READ | CSF_WRITE | CSF_SYNC | CSF_TRUNCATE | CSF_ALLOCATE | CSF_LOCK
        | CSF_OPEN_DIRECTORY | CSF_SYNC_DIRECTORY;
    if (interrupts && (kind & interruptible)) {
        was_interrupted = !was_interrupted;
        if (was_interrupted) {
            disturbances++;
            return EINTR;
        }
    }
    int error = 0;
    for (int index = 0; index < fault_count; index++) {
        struct fault *fault = &faults[index];
        if (!(fault->kinds & kind)) continue;
        fault->seen++;
        if (fault->seen != fault->number && !(fault->forever && fault->seen > fault->number))
            continue;
        if (!error) {
            error = fault->error;
            *partial = fault->partial;
        }
    }
    if (call_count < KEPT) calls[call_count] = (struct csf_call){kind, target, error, offset};
    call_count++;
    return error;
}

// The same for a descriptor; -1 when it is none of the plan's.
static int decide_descriptor(int kind, int descriptor, uint64_t offset, int *partial) {
    if (!atomic_load_explicit(&is_active, memory_order_relaxed)) return 0;
    if (descriptor < 0 || descriptor >= DESCRIPTORS) return 0;
    pthread_mutex_lock(&lock);
    int error = 0;
    int what = opened[descriptor];
    if (what == 4 && kind == CSF_SYNC) kind = CSF_SYNC_DIRECTORY;
    if (what) error = decide(kind, what == 4 ? 2 : what - 1, offset, partial);
    pthread_mutex_unlock(&lock);
    return error;
}

static int decide_path(int kind, const char *path) {
    if (!atomic_load_explicit(&is_active, memory_order_relaxed)) return 0;
    int partial;
    pthread_mutex_lock(&lock);
    int error = is_inside(path) ? decide(kind, target_of(path), 0, &partial) : 0;
    pthread_mutex_unlock(&lock);
    return error;
}

static int fail(int error) {
    errno = error;
    return -1;
}

// Set by whichever thread comes first, always to the same; atomic, since others may set it meanwhile.
#define NEXT(type, name)                                         \
    static _Atomic(uintptr_t) found;                             \
    uintptr_t address = atomic_load_explicit(&found, memory_order_relaxed); \
    if (!address) {                                              \
        address = (uintptr_t)dlsym(RTLD_NEXT, name);             \
        atomic_store_explicit(&found, address, memory_order_relaxed); \
    }                                                            \
    __typeof__(type) next = (__typeof__(type))address

static int open_file(int (*next)(const char *, int, ...), const char *path, int flags, int mode) {
    int is_directory = (flags & O_DIRECTORY) == O_DIRECTORY;
    int error = decide_path(is_directory ? CSF_OPEN_DIRECTORY : CSF_OPEN, path);
    if (error) return fail(error);
    int descriptor = next(path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS && atomic_load(&is_active)) {
        int saved = errno;
        pthread_mutex_lock(&lock);
        opened[descriptor] =
            !is_inside(path) ? 0 : is_directory ? 4 : (unsigned char)(1 + target_of(path));
        pending_error[descriptor] = 0;
        pthread_mutex_unlock(&lock);
        errno = saved;
    }
    return descriptor;
}

#define DEFINE_OPEN(name)                                        \
    EXPORT int name(const char *path, int flags, ...) {          \
        va_list arguments;                                       \
        va_start(arguments, flags);                              \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0; \
        va_end(arguments);                                       \
        NEXT(int (*)(const char *, int, ...), #name);            \
        return open_file(next, path, flags, mode);               \
    }
#undef open
#undef open64
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

// How much of a transfer the plan lets through.
static size_t shorten(int descriptor, size_t count) {
    if (!atomic_load_explicit(&is_active, memory_order_relaxed)) return count;
    if (descriptor < 0 || descriptor >= DESCRIPTORS || count < 2) return count;
    pthread_mutex_lock(&lock);
    if (shortens && opened[descriptor]) {
        disturbances++;
        count = 1 + draw() % count;
    }
    pthread_mutex_unlock(&lock);
    return count;
}

typedef ssize_t (*read_function)(int, void *, size_t, off64_t);
typedef ssize_t (*write_function)(int, const void *, size_t, off64_t);

static ssize_t read_some(
    read_function next, int descriptor, void *buffer, size_t count, off64_t offset
) {
    int partial;
    int error = decide_descriptor(CSF_READ, descriptor, (uint64_t)offset, &partial);
    if (error) return fail(error);
    return next(descriptor, buffer, shorten(descriptor, count), offset);
}

static ssize_t write_some(
    write_function next, int descriptor, const void *buffer, size_t count, off64_t offset
) {
    if (atomic_load(&is_active) && descriptor >= 0 && descriptor < DESCRIPTORS
        && pending_error[descriptor]) {
        int error = pending_error[descriptor];
        pending_error[descriptor] = 0;
        return fail(error);
    }
    int partial = 0;
    int error = decide_descriptor(CSF_WRITE, descriptor, (uint64_t)offset, &partial);
    if (error && error != EINTR && partial && count > 1) {
        pending_error[descriptor] = error;
        return next(descriptor, buffer, count / 2, offset);
    }
    if (error) return fail(error);
    return next(descriptor, buffer, shorten(descriptor, count), offset);
}

#define DEFINE_TRANSFER(name, type, pointer, function)           \
    EXPORT ssize_t name(int descriptor, pointer buffer, size_t count, off64_t offset) { \
        NEXT(type, #name);                                       \
        return function(next, descriptor, buffer, count, offset); \
    }
#undef pread
#undef pread64
#undef pwrite
#undef pwrite64
DEFINE_TRANSFER(pread, read_function, void *, read_some)
DEFINE_TRANSFER(pread64, read_function, void *, read_some)
DEFINE_TRANSFER(pwrite, write_function, const void *, write_some)
DEFINE_TRANSFER(pwrite64, write_function, const void *, write_some)

#define DEFINE_DESCRIPTOR(name, kind, offset, parameters, ...)   \
    EXPORT int name parameters {                                 \
        NEXT(int (*) parameters, #name);                         \
        int partial;                                             \
        int error = decide_descriptor(kind, descriptor, (uint64_t)offset, &partial); \
        return error ? fail(error) : next(__VA_ARGS__);          \
    }
DEFINE_DESCRIPTOR(fsync, CSF_SYNC, 0, (int descriptor), descriptor)
DEFINE_DESCRIPTOR(fdatasync, CSF_SYNC, 0, (int descriptor), descriptor)
DEFINE_DESCRIPTOR(
    sync_file_range, CSF_SYNC, start,
    (int descriptor, off64_t start, off64_t count, unsigned flags), descriptor, start, count, flags)
#undef ftruncate
#undef ftruncate64
DEFINE_DESCRIPTOR(
    ftruncate, CSF_TRUNCATE, size, (int descriptor, off64_t size), descriptor, size)
DEFINE_DESCRIPTOR(
    ftruncate64, CSF_TRUNCATE, size, (int descriptor, off64_t size), descriptor, size)
#undef fallocate
#undef fallocate64
DEFINE_DESCRIPTOR(
    fallocate, CSF_ALLOCATE, start, (int descriptor, int mode, off64_t start, off64_t count),
    descriptor, mode, start, count)
DEFINE_DESCRIPTOR(
    fallocate64, CSF_ALLOCATE, start, (int descriptor, int mode, off64_t start, off64_t count),
    descriptor, mode, start, count)

EXPORT int close(int descriptor) {
    NEXT(int (*)(int), "close");
    int partial;
    int error = decide_descriptor(CSF_CLOSE, descriptor, 0, &partial);
    if (atomic_load(&is_active) && descriptor >= 0 && descriptor < DESCRIPTORS) {
        pthread_mutex_lock(&lock);
        opened[descriptor] = 0;
        pending_error[descriptor] = 0;
        pthread_mutex_unlock(&lock);
    }
    int result = next(descriptor);
    return error ? fail(error) : result;
}

EXPORT int unlink(const char *path) {
    NEXT(int (*)(const char *), "unlink");
    int error = decide_path(CSF_UNLINK, path);
    return error ? fail(error) : next(path);
}

EXPORT int rename(const char *from, const char *to) {
    NEXT(int (*)(const char *, const char *), "rename");
    int error = decide_path(CSF_RENAME, from);
    return error ? fail(error) : next(from, to);
}

EXPORT int renameat2(int from_in, const char *from, int to_in, const char *to, unsigned flags) {
    NEXT(int (*)(int, const char *, int, const char *, unsigned), "renameat2");
    int error = decide_path(CSF_RENAME, from);
    return error ? fail(error) : next(from_in, from, to_in, to, flags);
}

EXPORT int link(const char *from, const char *to) {
    NEXT(int (*)(const char *, const char *), "link");
    int error = decide_path(CSF_LINK, from);
    return error ? fail(error) : next(from, to);
}

// Only the locking commands are any of the plan's business.
#define DEFINE_CONTROL(name)                                     \
    EXPORT int name(int descriptor, int command, ...) {          \
        va_list arguments;                                       \
        va_start(arguments, command);                            \
        void *argument = va_arg(arguments, void *);              \
        va_end(arguments);                                       \
        NEXT(int (*)(int, int, ...), #name);                     \
        int partial;                                             \
        int error = command == F_OFD_SETLK                       \
            ? decide_descriptor(CSF_LOCK, descriptor, 0, &partial) : 0; \
        return error ? fail(error) : next(descriptor, command, argument); \
    }
#undef fcntl
#undef fcntl64
DEFINE_CONTROL(fcntl)
DEFINE_CONTROL(fcntl64)

// The engine renames without replacing by the call's number. Up to six arguments are passed on,
// given or not, as every C library does.
EXPORT long syscall(long number, ...) {
    long values[6];
    va_list arguments;
    va_start(arguments, number);
    for (int index = 0; index < 6; index++) values[index] = va_arg(arguments, long);
    va_end(arguments);
    NEXT(long (*)(long, ...), "syscall");
#if defined(SYS_renameat2)
    if (number == SYS_renameat2) {
        int error = decide_path(CSF_RENAME, (const char *)values[1]);
        if (error) return fail(error);
    }
#endif
    return next(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}

#else

int csf_available(void) { return 0; }
void csf_begin(const char *path) { (void)path; }
void csf_pause(int paused) { (void)paused; }
void csf_end(void) {}
void csf_fail(int kinds, uint64_t number, int error, int forever, int partial) {
    (void)kinds, (void)number, (void)error, (void)forever, (void)partial;
}
void csf_disturb(int interrupt, int shorten, uint64_t seed) {
    (void)interrupt, (void)shorten, (void)seed;
}
void csf_clear(void) {}
uint64_t csf_count(void) { return 0; }
struct csf_call csf_get(uint64_t index) {
    (void)index;
    return (struct csf_call){0, 0, 0, 0};
}
uint64_t csf_disturbances(void) { return 0; }

#endif
