#include "Support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Thread_local char message[512];

const char *peer_message(void) { return message; }

int peer_fail(const char *what, const char *why) {
    snprintf(message, sizeof message, "%s: %s", what, why ? why : "unknown error");
    return -1;
}

int peer_fail_errno(const char *what) { return peer_fail(what, strerror(errno)); }

char *peer_path(const char *directory, const char *name) {
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

uint64_t peer_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

const PeerEngine *const *peer_engines(void) {
    static const PeerEngine *const engines[] = {
        &raw_engine,
        &lmdb_engine,
        &lmdb_writemap_engine,
        &sqlite_engine,
        &rocksdb_engine,
        &leveldb_engine,
        &wiredtiger_engine,
        NULL,
    };
    return engines;
}
