#ifndef PEERS_H
#define PEERS_H

// The one interface by which every engine but KVDB itself is measured. An engine is a table of functions
// (`PeerEngine`) over two objects: a database, and a session, which is what one thread holds and keeps:
// its read transaction, cursors and prepared statements. What is timed is a call of this table, and
// scans run inside of it, so that an engine pays neither for Swift nor for being called through here.
//
// Functions return 0 (or a count) when all is well and a negative number after an error, whose text
// `peer_message()` then has, for the thread that met it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What a commit waits for.
typedef enum PeerSync {
    /// The medium has it.
    PEER_DURABLE = 0,
    /// The operating system has it: it survives the process, not a power cut.
    PEER_WRITTEN = 1,
} PeerSync;

/// How often checkpoints, flushes, or whatever the engine calls them, are to come.
typedef enum PeerCheckpoints {
    PEER_CHECKPOINTS_USUAL = 0,
    /// As often as it takes for many of them to fall into a short run.
    PEER_CHECKPOINTS_OFTEN = 1,
    /// Everything stays in the log.
    PEER_CHECKPOINTS_NEVER = 2,
} PeerCheckpoints;

/// How a database is opened.
typedef struct PeerOptions {
    /// An existing folder, which is the database's own.
    const char *directory;
    /// Bytes of cache, where the engine has one.
    uint64_t cache_bytes;
    /// Bytes of address space, where the engine maps its file.
    uint64_t map_bytes;
    PeerSync sync;
    PeerCheckpoints checkpoints;
} PeerOptions;

typedef struct PeerDatabase PeerDatabase;
typedef struct PeerSession PeerSession;

/// One change of a batch; `value` is null for a deletion.
typedef struct PeerBytes {
    const void *start;
    size_t count;
} PeerBytes;

/// What an engine can do. A null function is something that it can't.
typedef struct PeerEngine {
    const char *name;
    /// Writes the library's version into a buffer.
    void (*version)(char *buffer, size_t size);

    int (*open)(const PeerOptions *options, PeerDatabase **database);
    int (*close)(PeerDatabase *database);
    /// Brings the files into the state in which reads are cheapest: compacted, checkpointed.
    int (*settle)(PeerDatabase *database);

    int (*start_session)(PeerDatabase *database, PeerSession **session);
    void (*end_session)(PeerSession *session);

    /// A put that is a transaction of its own, with the database's `sync`.
    int (*put)(PeerSession *session, PeerBytes key, PeerBytes value);
    /// A transaction of several changes.
    int (*begin)(PeerSession *session);
    int (*batch_put)(PeerSession *session, PeerBytes key, PeerBytes value);
    int (*batch_delete)(PeerSession *session, PeerBytes key);
    int (*commit)(PeerSession *session);

    /// Fixes the version that `get` and `scan` read, until `end_read`.
    int (*begin_read)(PeerSession *session);
    void (*end_read)(PeerSession *session);
    /// Reads a value where it lies and adds its first and last byte to `touched`; 1 when there is one,
    /// 0 when there is none.
    int (*get)(PeerSession *session, PeerBytes key, uint64_t *touched);
    /// The same on the newest version, by the engine's shortest way.
    int (*get_newest)(PeerSession *session, PeerBytes key, uint64_t *touched);
    /// The same for several keys at once; how many there were. Null where `get` is all there is.
    int (*get_many)(PeerSession *session, const PeerBytes *keys, size_t count, uint64_t *touched);
    /// Goes through at most `limit` entries, from `from` (or the end) on, and adds the first bytes of
    /// each key and value to `touched`; how many there were.
    int64_t (*scan)(
        PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched);

    /// Fills an empty database with ascending keys by the engine's fastest way; durable at the end.
    int (*bulk_begin)(PeerSession *session);
    int (*bulk_put)(PeerSession *session, PeerBytes key, PeerBytes value);
    int (*bulk_finish)(PeerSession *session);
} PeerEngine;

/// The engines, ended by a null pointer.
const PeerEngine *const *peer_engines(void);

/// What the last error of this thread was.
const char *peer_message(void);

/// Monotonic nanoseconds since some fixed moment.
uint64_t peer_now(void);

#endif
