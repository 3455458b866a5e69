// What Embedded Swift asks of the C library and musl lacks.
#include <stddef.h>

#include "CStorageIO.h"

/// Random bytes, for the seeds of hash tables.
void arc4random_buf(void *buffer, size_t count) { csio_random_bytes(buffer, count); }
