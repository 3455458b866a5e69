// What Embedded Swift asks of the C library and musl lacks.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/// Random bytes, for the seeds of hash tables.
void arc4random_buf(void *buffer, size_t count) {
    unsigned char *bytes = buffer;
    while (count > 0) {
        size_t part = count < 256 ? count : 256;
        if (getentropy(bytes, part) != 0) abort();
        bytes += part;
        count -= part;
    }
}
