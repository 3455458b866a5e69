#ifndef SUPPORT_H
#define SUPPORT_H

// What the engines' files share, and nothing outside of them needs.

#include "Peers.h"

#include <string.h>

extern const PeerEngine raw_engine;
extern const PeerEngine lmdb_engine;
extern const PeerEngine lmdb_writemap_engine;
extern const PeerEngine sqlite_engine;
extern const PeerEngine rocksdb_engine;
extern const PeerEngine leveldb_engine;
extern const PeerEngine wiredtiger_engine;

/// Notes an error's text for `peer_message()`; always -1.
int peer_fail(const char *what, const char *why);

/// Notes the system's last error; always -1.
int peer_fail_errno(const char *what);

/// The path of a file in the database's folder, to be freed.
char *peer_path(const char *directory, const char *name);

/// The first eight bytes, or fewer. Every engine's scan reads just this of each key and value.
static inline uint64_t peer_head(const void *bytes, size_t count) {
    uint64_t head = 0;
    if (count >= 8)
        memcpy(&head, bytes, 8);
    else
        memcpy(&head, bytes, count);
    return head;
}

/// First and last byte: what every engine's get reads of a value.
static inline uint64_t peer_ends(const void *bytes, size_t count) {
    const uint8_t *each = bytes;
    return count == 0 ? 0 : (uint64_t)each[0] + each[count - 1];
}

#endif
