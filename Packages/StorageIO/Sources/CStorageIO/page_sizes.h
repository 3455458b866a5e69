// The system calls of memory.c that know the system's page size. In the build for the tests with other
// page sizes (KVDB_PAGE_SIZES=1, see Package.swift) they keep the rules of a kernel whose pages have as many
// bytes as the environment's KVDB_PAGE_SIZE says.
//
// Those rules, the same in Linux (mm/madvise.c, mm/mprotect.c) and XNU (bsd/kern/kern_mman.c): a start that
// is not at a multiple of the page size is EINVAL; a length is rounded up to whole pages, so that a call
// for a part of a page is one for all of it. The calls below do that on a system with smaller pages.
#ifndef CSTORAGEIO_PAGE_SIZES_H
#define CSTORAGEIO_PAGE_SIZES_H

#if defined(__linux__) && defined(SYS_process_madvise)
static long system_discard_parts_as_they_are(int process, const struct iovec *parts, size_t count) {
    return syscall(SYS_process_madvise, process, parts, count, MADV_DONTNEED, 0);
}
#endif

static int system_discard_as_it_is(void *start, size_t byte_count) {
#if defined(__APPLE__)
    // MADV_DONTNEED is only a hint there; mapping anew is what drops the content.
    void *again = mmap(start, byte_count, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return again == MAP_FAILED ? -1 : 0;
#elif defined(__linux__) || !defined(MADV_FREE)
    return madvise(start, byte_count, MADV_DONTNEED);
#else
    // MADV_DONTNEED drops nothing on the BSDs.
    return madvise(start, byte_count, MADV_FREE);
#endif
}

#if defined(KVDB_PAGE_SIZES)
#include <stdlib.h>

static size_t chosen_page_size;

__attribute__((constructor)) static void choose_page_size(void) {
    const char *text = getenv("KVDB_PAGE_SIZE");
    size_t wanted = text ? strtoul(text, 0, 10) : 0;
    size_t actual = (size_t)sysconf(_SC_PAGESIZE);
    if (wanted > actual && (wanted & (wanted - 1)) == 0) actual = wanted;
    chosen_page_size = actual;
}

size_t csio_page_size(void) { return chosen_page_size; }

/// 0, and the length that the larger kernel would take; -1 where it would refuse.
static int to_whole_pages(const void *start, size_t *byte_count) {
    size_t mask = chosen_page_size - 1;
    if ((uintptr_t)start & mask) {
        errno = EINVAL;
        return -1;
    }
    *byte_count = (*byte_count + mask) & ~mask;
    return 0;
}

static int system_protect(void *start, size_t byte_count, int rights) {
    if (to_whole_pages(start, &byte_count) != 0) return -1;
    return mprotect(start, byte_count, rights);
}

static int system_discard(void *start, size_t byte_count) {
    if (to_whole_pages(start, &byte_count) != 0) return -1;
    return system_discard_as_it_is(start, byte_count);
}

#if defined(__linux__) && defined(SYS_process_madvise)
static long system_discard_parts(int process, struct iovec *parts, size_t count) {
    size_t more = 0;
    for (size_t index = 0; index < count; index++) {
        size_t before = parts[index].iov_len;
        if (to_whole_pages(parts[index].iov_base, &parts[index].iov_len) != 0) return -1;
        more += parts[index].iov_len - before;
    }
    long done = system_discard_parts_as_they_are(process, parts, count);
    return done < 0 ? done : done - (long)more;
}
#endif

#else

size_t csio_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

#define system_protect mprotect
#define system_discard system_discard_as_it_is
#define system_discard_parts system_discard_parts_as_they_are

#endif

#endif
