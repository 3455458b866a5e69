// LevelDB, by its C interface: bloom filter of 10 bits, no compression, a 64 MiB write buffer, and one
// iterator for each version that a session reads.

#include "Support.h"

#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>

struct PeerDatabase {
    leveldb_t *handle;
    leveldb_options_t *options;
    leveldb_cache_t *cache;
    leveldb_filterpolicy_t *filter;
    leveldb_writeoptions_t *write_options;
    leveldb_readoptions_t *newest;
};

struct PeerSession {
    PeerDatabase *database;
    leveldb_writebatch_t *batch;
    leveldb_readoptions_t *read_options;
    const leveldb_snapshot_t *snapshot;
    leveldb_iterator_t *iterator;
    uint64_t bulk_count;
};

/// -1 and the message when there is an error, else 0.
static int checked(const char *what, char *error) {
    if (!error) return 0;
    peer_fail(what, error);
    leveldb_free(error);
    return -1;
}

static void version(char *buffer, size_t size) {
    snprintf(buffer, size, "%d.%d", leveldb_major_version(), leveldb_minor_version());
}

static int close_database(PeerDatabase *database) {
    if (database->handle) leveldb_close(database->handle);
    leveldb_options_destroy(database->options);
    leveldb_cache_destroy(database->cache);
    leveldb_filterpolicy_destroy(database->filter);
    leveldb_writeoptions_destroy(database->write_options);
    leveldb_readoptions_destroy(database->newest);
    free(database);
    return 0;
}

static int open_database(const PeerOptions *options, PeerDatabase **result) {
    PeerDatabase *database = calloc(1, sizeof *database);
    database->options = leveldb_options_create();
    database->cache = leveldb_cache_create_lru(options->cache_bytes);
    database->filter = leveldb_filterpolicy_create_bloom(10);
    database->write_options = leveldb_writeoptions_create();
    database->newest = leveldb_readoptions_create();
    leveldb_options_set_create_if_missing(database->options, 1);
    leveldb_options_set_cache(database->options, database->cache);
    leveldb_options_set_filter_policy(database->options, database->filter);
    leveldb_options_set_compression(database->options, leveldb_no_compression);
    bool is_often = options->checkpoints == PEER_CHECKPOINTS_OFTEN;
    size_t buffer = is_often ? 128 << 10 : 64 << 20;
    // A budget that is small on purpose holds for the write buffer, too.
    if (buffer > options->cache_bytes) buffer = options->cache_bytes;
    leveldb_options_set_write_buffer_size(database->options, buffer);
    leveldb_writeoptions_set_sync(database->write_options, options->sync == PEER_DURABLE);
    char *error = NULL;
    database->handle = leveldb_open(database->options, options->directory, &error);
    if (checked("leveldb_open", error) != 0) {
        database->handle = NULL;
        close_database(database);
        return -1;
    }
    *result = database;
    return 0;
}

static int settle(PeerDatabase *database) {
    leveldb_compact_range(database->handle, NULL, 0, NULL, 0);
    return 0;
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    session->batch = leveldb_writebatch_create();
    session->read_options = leveldb_readoptions_create();
    *result = session;
    return 0;
}

static void end_read(PeerSession *session) {
    if (session->iterator) leveldb_iter_destroy(session->iterator);
    session->iterator = NULL;
    leveldb_readoptions_set_snapshot(session->read_options, NULL);
    if (session->snapshot) leveldb_release_snapshot(session->database->handle, session->snapshot);
    session->snapshot = NULL;
}

static void end_session(PeerSession *session) {
    end_read(session);
    leveldb_writebatch_destroy(session->batch);
    leveldb_readoptions_destroy(session->read_options);
    free(session);
}

static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    leveldb_put(
        database->handle, database->write_options, key.start, key.count, value.start, value.count,
        &error);
    return checked("leveldb_put", error);
}

static int begin(PeerSession *session) {
    leveldb_writebatch_clear(session->batch);
    return 0;
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    leveldb_writebatch_put(session->batch, key.start, key.count, value.start, value.count);
    return 0;
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    leveldb_writebatch_delete(session->batch, key.start, key.count);
    return 0;
}

static int commit(PeerSession *session) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    leveldb_write(database->handle, database->write_options, session->batch, &error);
    return checked("leveldb_write", error);
}

static int begin_read(PeerSession *session) {
    session->snapshot = leveldb_create_snapshot(session->database->handle);
    leveldb_readoptions_set_snapshot(session->read_options, session->snapshot);
    return 0;
}

static int get_with(
    PeerSession *session, leveldb_readoptions_t *options, PeerBytes key, uint64_t *touched
) {
    char *error = NULL;
    size_t length = 0;
    char *value = leveldb_get(
        session->database->handle, options, key.start, key.count, &length, &error);
    if (error) return checked("leveldb_get", error);
    if (!value) return 0;
    *touched += peer_ends(value, length);
    leveldb_free(value);
    return 1;
}

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    return get_with(session, session->read_options, key, touched);
}

static int get_newest(PeerSession *session, PeerBytes key, uint64_t *touched) {
    return get_with(session, session->database->newest, key, touched);
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    if (!session->iterator)
        session->iterator =
            leveldb_create_iterator(session->database->handle, session->read_options);
    leveldb_iterator_t *iterator = session->iterator;
    if (from.count)
        leveldb_iter_seek(iterator, from.start, from.count);
    else if (reverse)
        leveldb_iter_seek_to_last(iterator);
    else
        leveldb_iter_seek_to_first(iterator);
    uint64_t sum = 0, count = 0;
    while (count < limit && leveldb_iter_valid(iterator)) {
        size_t key_length, value_length;
        const char *key = leveldb_iter_key(iterator, &key_length);
        const char *value = leveldb_iter_value(iterator, &value_length);
        sum += peer_head(key, key_length) + peer_head(value, value_length);
        count += 1;
        if (reverse)
            leveldb_iter_prev(iterator);
        else
            leveldb_iter_next(iterator);
    }
    char *error = NULL;
    leveldb_iter_get_error(iterator, &error);
    if (error) return checked("leveldb_iter_next", error);
    *touched += sum;
    return (int64_t)count;
}

// LevelDB has no bulk load: large batches, of which only the last is synced, are its fastest.
enum { bulk_batch_count = 1000 };

static int bulk_begin(PeerSession *session) {
    session->bulk_count = 0;
    leveldb_writeoptions_set_sync(session->database->write_options, 0);
    return begin(session);
}

static int bulk_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    batch_put(session, key, value);
    if (++session->bulk_count % bulk_batch_count != 0) return 0;
    if (commit(session) != 0) return -1;
    return begin(session);
}

static int bulk_finish(PeerSession *session) {
    leveldb_writeoptions_set_sync(session->database->write_options, 1);
    return commit(session);
}

const PeerEngine leveldb_engine = {
    .name = "leveldb",
    .version = version,
    .open = open_database,
    .close = close_database,
    .settle = settle,
    .start_session = start_session,
    .end_session = end_session,
    .put = put,
    .begin = begin,
    .batch_put = batch_put,
    .batch_delete = batch_delete,
    .commit = commit,
    .begin_read = begin_read,
    .end_read = end_read,
    .get = get,
    .get_newest = get_newest,
    .get_many = NULL,
    .scan = scan,
    .bulk_begin = bulk_begin,
    .bulk_put = bulk_put,
    .bulk_finish = bulk_finish,
};
