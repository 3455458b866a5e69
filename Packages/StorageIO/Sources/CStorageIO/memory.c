// Address space, memory and CPU. See CStorageIO.h for the contract of each function.
#define _GNU_SOURCE
#include "CStorageIO.h"
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <sys/uio.h>
#endif

#include "page_sizes.h"

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

// On Android a filter ends the process for a call that it does not know.
#if defined(__linux__) && defined(SYS_process_madvise) && !defined(__ANDROID__)
#define CSIO_HAS_PROCESS_MADVISE 1
#endif

static size_t round_up(size_t byte_count, size_t unit) {
    return (byte_count + unit - 1) / unit * unit;
}

static char *reserve_anywhere(size_t byte_count) {
    void *start = mmap(0, byte_count, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? 0 : start;
}

void *csio_reserve(size_t byte_count) {
    if (byte_count > SIZE_MAX / 2) return 0;
    const size_t page = csio_page_size();
    const size_t kept = round_up(byte_count, page);
    const size_t alignment = byte_count < CSIO_LARGE_PAGE ? page : CSIO_LARGE_PAGE;
    char *start = reserve_anywhere(kept);
    if (!start || ((uintptr_t)start & (alignment - 1)) == 0) return start;
    // Not every system lays a range so that large pages fit into it.
    char *larger = reserve_anywhere(kept + alignment);
    if (!larger && ((uintptr_t)start & (page - 1)) == 0) return start;
    munmap(start, kept);
    if (!larger) return 0;
    size_t before = (alignment - ((uintptr_t)larger & (alignment - 1))) & (alignment - 1);
    if (before > 0) munmap(larger, before);
    if (before < alignment) munmap(larger + before + kept, alignment - before);
    return larger + before;
}

int csio_release(void *start, size_t byte_count) {
    return munmap(start, round_up(byte_count, csio_page_size())) == 0 ? 0 : -errno;
}

static int protect(char *start, size_t byte_count, int rights) {
    size_t before = (uintptr_t)start & (csio_page_size() - 1);
    return system_protect(start - before, before + byte_count, rights) == 0 ? 0 : -errno;
}

int csio_open_memory(void *start, size_t byte_count) {
    return protect(start, byte_count, PROT_READ | PROT_WRITE);
}

int csio_open_memory_to_read(void *start, size_t byte_count) {
    return protect(start, byte_count, PROT_READ);
}

/// The part of a range that consists of whole pages of the system; empty when there is none.
///
/// The system itself takes a length for the whole pages that it reaches into, and what else is in
/// the last of them, such as a changed page of the database, would be gone.
static struct csio_range whole_pages(const char *start, size_t byte_count) {
    const size_t mask = csio_page_size() - 1;
    size_t before = (0 - (uintptr_t)start) & mask;
    size_t behind = ((uintptr_t)start + byte_count) & mask;
    if (before + behind >= byte_count) return (struct csio_range){0, 0};
    return (struct csio_range){before, byte_count - before - behind};
}

int csio_discard_memory(void *start, size_t byte_count) {
    struct csio_range whole = whole_pages(start, byte_count);
    if (whole.byte_count == 0) return 0;
    return system_discard((char *)start + whole.offset, whole.byte_count) == 0 ? 0 : -errno;
}

#if defined(CSIO_HAS_PROCESS_MADVISE)
/// "This process" in place of a file descriptor for a process; before Linux 6.14 there is no such thing,
/// and no process_madvise that discards.
#define CSIO_THIS_PROCESS (-10000)

/// Tells the system of up to CSIO_RANGES ranges at once; whether it took them all.
#define CSIO_RANGES 64
static int csio_discard_together(char *base, const struct csio_range *ranges, size_t count) {
    struct iovec parts[CSIO_RANGES];
    size_t part_count = 0;
    size_t total = 0;
    for (size_t index = 0; index < count; index++) {
        char *start = base + ranges[index].offset;
        struct csio_range whole = whole_pages(start, ranges[index].byte_count);
        if (whole.byte_count == 0) continue;
        parts[part_count].iov_base = start + whole.offset;
        parts[part_count].iov_len = whole.byte_count;
        part_count++;
        total += whole.byte_count;
    }
    if (part_count == 0) return 1;
    long done = system_discard_parts(CSIO_THIS_PROCESS, parts, part_count);
    return done >= 0 && (size_t)done == total;
}
#endif

int csio_discard_ranges(void *base, const struct csio_range *ranges, size_t count) {
    size_t done = 0;
#if defined(CSIO_HAS_PROCESS_MADVISE)
    // What a system can't do at all is not asked of it again and again.
    static _Atomic int is_refused = 0;
    while (count - done > 1 && !atomic_load_explicit(&is_refused, memory_order_relaxed)) {
        size_t part = count - done < CSIO_RANGES ? count - done : CSIO_RANGES;
        if (!csio_discard_together(base, ranges + done, part)) {
            atomic_store_explicit(&is_refused, 1, memory_order_relaxed);
            break;
        }
        done += part;
    }
#endif
    int result = 0;
    for (; done < count; done++) {
        int code = csio_discard_memory((char *)base + ranges[done].offset, ranges[done].byte_count);
        if (code != 0) result = code;
    }
    return result;
}

void csio_prefer_large_pages(void *start, size_t byte_count) {
#if defined(MADV_HUGEPAGE)
    (void)madvise(start, byte_count, MADV_HUGEPAGE);
#else
    (void)start, (void)byte_count;
#endif
}

void csio_prefer_small_pages(void *start, size_t byte_count) {
#if defined(MADV_NOHUGEPAGE)
    (void)madvise(start, byte_count, MADV_NOHUGEPAGE);
#else
    (void)start, (void)byte_count;
#endif
}

#if defined(__linux__)
// MADV_COLLAPSE goes by the wish alone and not by what the administrator says.
static int large_pages_are_forbidden(void) {
    int descriptor = csio_open_descriptor(
        "/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC, 0);
    if (descriptor < 0) return 1;
    char text[64] = "";
    ssize_t count = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    return count <= 0 || strstr(text, "[never]") != NULL;
}
#endif

void csio_gather_into_large_page(void *start, size_t byte_count) {
#if defined(__linux__)
#if !defined(MADV_COLLAPSE)
#define MADV_COLLAPSE 25
#endif
    static _Atomic int answer = -1;
    int is_forbidden = atomic_load_explicit(&answer, memory_order_relaxed);
    if (is_forbidden < 0) {
        is_forbidden = large_pages_are_forbidden();
        atomic_store_explicit(&answer, is_forbidden, memory_order_relaxed);
    }
    // An older system refuses, and leaves it to its own thread to do so in time.
    if (!is_forbidden) (void)madvise(start, byte_count, MADV_COLLAPSE);
#else
    (void)start, (void)byte_count;
#endif
}
