// Linked into a program, it says on standard error at the end how much memory the program took. "Done"
// is when it prints its first character, or when it ends; the linker puts the __wrap functions in
// front of the C library's. It allocates nothing itself.
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t);
void __real_free(void *);
int __real_posix_memalign(void **, size_t, size_t);
int __real_putchar(int);

static _Atomic size_t heap, heap_peak;
static size_t heap_when_done;
static size_t resident, anonymous;  // KiB
static int is_done;

static void count(void *memory) {
    if (!memory) return;
    size_t bytes = malloc_usable_size(memory);  // musl: exactly what was asked for
    size_t now = atomic_fetch_add(&heap, bytes) + bytes, peak = heap_peak;
    while (now > peak && !atomic_compare_exchange_weak(&heap_peak, &peak, now)) {
    }
}

void *__wrap_malloc(size_t byte_count) {
    void *memory = __real_malloc(byte_count);
    count(memory);
    return memory;
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t byte_count) {
    int result = __real_posix_memalign(memory, alignment, byte_count);
    if (result == 0) count(*memory);
    return result;
}

void __wrap_free(void *memory) {
    if (memory) atomic_fetch_sub(&heap, malloc_usable_size(memory));
    __real_free(memory);
}

static size_t number_after(const char *text, const char *name) {
    const char *at = strstr(text, name);
    if (!at) return 0;
    at += strcspn(at, "0123456789");
    size_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) number = number * 10 + (size_t)(*at - '0');
    return number;
}

/// Of all mappings together, walking the page tables: what /proc/self/status says is up to some hundred
/// KiB behind.
static void read_memory(void) {
    static char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[length < 0 ? 0 : length] = 0;
    resident = number_after(text, "Rss:");
    anonymous = number_after(text, "Anonymous:");
}

static void note_done(void) {
    if (is_done) return;
    is_done = 1;
    heap_when_done = heap;
    read_memory();
}

int __wrap_putchar(int character) {
    note_done();
    return __real_putchar(character);
}

static void say(const char *name, size_t number) {
    char line[64];
    char *first = line + sizeof line;
    *--first = '\n';
    do *--first = (char)('0' + number % 10);
    while (number /= 10);
    first -= strlen(name);
    memcpy(first, name, strlen(name));
    (void)!write(2, first, (size_t)(line + sizeof line - first));
}

__attribute__((destructor)) static void report(void) {
    note_done();
    say("resident ", resident);
    say("anonymous ", anonymous);
    say("heap ", heap_when_done);
    say("heap_peak ", heap_peak);
}
