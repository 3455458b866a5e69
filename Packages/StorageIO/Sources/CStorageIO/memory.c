// Address space, memory and CPU. See CStorageIO.h for the contract of each function.
#define _GNU_SOURCE
#include "CStorageIO.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/types.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

void *csio_reserve(size_t byte_count) {
    void *start = mmap(0, byte_count, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? 0 : start;
}

int csio_release(void *start, size_t byte_count) {
    return munmap(start, byte_count) == 0 ? 0 : -errno;
}

int csio_open_memory(void *start, size_t byte_count) {
    return mprotect(start, byte_count, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}

int csio_discard_memory(void *start, size_t byte_count) {
#if defined(__APPLE__)
    // MADV_DONTNEED is only a hint there; mapping anew is what drops the content.
    void *again = mmap(start, byte_count, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return again == MAP_FAILED ? -errno : 0;
#else
    return madvise(start, byte_count, MADV_DONTNEED) == 0 ? 0 : -errno;
#endif
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
