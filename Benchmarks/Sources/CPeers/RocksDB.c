// RocksDB, by its C interface: bloom filter of 10 bits, no compression, pinned values instead of copies,
// MultiGet for several keys, and a table file made apart and taken in for sorted loads.

#include "Support.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct PeerDatabase {
    rocksdb_t *handle;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_block_based_table_options_t *table_options;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *newest;
    rocksdb_column_family_handle_t *family;
    char *bulk_path;
};

enum { many_limit = 64 };

struct PeerSession {
    PeerDatabase *database;
    rocksdb_writebatch_t *batch;
    rocksdb_readoptions_t *read_options;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_iterator_t *iterator;
    rocksdb_sstfilewriter_t *bulk;
    rocksdb_envoptions_t *bulk_options;
};

/// -1 and the message when there is an error, else 0.
static int checked(const char *what, char *error) {
    if (!error) return 0;
    peer_fail(what, error);
    rocksdb_free(error);
    return -1;
}

/// In RocksDBVersion.cpp.
const char *peer_rocksdb_version(void);

static void version(char *buffer, size_t size) { snprintf(buffer, size, "%s", peer_rocksdb_version()); }

static int close_database(PeerDatabase *database) {
    if (database->family) rocksdb_column_family_handle_destroy(database->family);
    if (database->handle) rocksdb_close(database->handle);
    rocksdb_block_based_options_destroy(database->table_options);
    rocksdb_options_destroy(database->options);
    rocksdb_cache_destroy(database->cache);
    rocksdb_writeoptions_destroy(database->write_options);
    rocksdb_readoptions_destroy(database->newest);
    free(database->bulk_path);
    free(database);
    return 0;
}

static int open_database(const PeerOptions *options, PeerDatabase **result) {
    PeerDatabase *database = calloc(1, sizeof *database);
    database->options = rocksdb_options_create();
    database->cache = rocksdb_cache_create_lru(options->cache_bytes);
    database->table_options = rocksdb_block_based_options_create();
    database->write_options = rocksdb_writeoptions_create();
    database->newest = rocksdb_readoptions_create();
    database->bulk_path = peer_path(options->directory, "bulk.sst");
    rocksdb_options_set_create_if_missing(database->options, 1);
    rocksdb_options_increase_parallelism(database->options, 2);
    rocksdb_options_set_compression(database->options, rocksdb_no_compression);
    bool is_often = options->checkpoints == PEER_CHECKPOINTS_OFTEN;
    size_t buffer = is_often ? 128 << 10 : 64 << 20;
    // A budget that is small on purpose holds for the write buffer, too.
    if (buffer > options->cache_bytes) buffer = options->cache_bytes;
    rocksdb_options_set_write_buffer_size(database->options, buffer);
    rocksdb_block_based_options_set_block_cache(database->table_options, database->cache);
    rocksdb_block_based_options_set_filter_policy(
        database->table_options, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(database->options, database->table_options);
    rocksdb_writeoptions_set_sync(database->write_options, options->sync == PEER_DURABLE);
    char *error = NULL;
    // By its column families, as reading several keys at once wants the handle of one.
    const char *name = "default";
    const rocksdb_options_t *family_options = database->options;
    database->handle = rocksdb_open_column_families(
        database->options, options->directory, 1, &name, &family_options, &database->family, &error);
    if (checked("rocksdb_open", error) != 0) {
        database->handle = NULL;
        database->family = NULL;
        close_database(database);
        return -1;
    }
    *result = database;
    return 0;
}

static int settle(PeerDatabase *database) {
    rocksdb_compact_range(database->handle, NULL, 0, NULL, 0);
    return 0;
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    session->batch = rocksdb_writebatch_create();
    session->read_options = rocksdb_readoptions_create();
    *result = session;
    return 0;
}

static void end_read(PeerSession *session) {
    if (session->iterator) rocksdb_iter_destroy(session->iterator);
    session->iterator = NULL;
    rocksdb_readoptions_set_snapshot(session->read_options, NULL);
    if (session->snapshot) rocksdb_release_snapshot(session->database->handle, session->snapshot);
    session->snapshot = NULL;
}

static void end_session(PeerSession *session) {
    end_read(session);
    rocksdb_writebatch_destroy(session->batch);
    rocksdb_readoptions_destroy(session->read_options);
    free(session);
}

static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    rocksdb_put(
        database->handle, database->write_options, key.start, key.count, value.start, value.count,
        &error);
    return checked("rocksdb_put", error);
}

static int begin(PeerSession *session) {
    rocksdb_writebatch_clear(session->batch);
    return 0;
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    rocksdb_writebatch_put(session->batch, key.start, key.count, value.start, value.count);
    return 0;
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    rocksdb_writebatch_delete(session->batch, key.start, key.count);
    return 0;
}

static int commit(PeerSession *session) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    rocksdb_write(database->handle, database->write_options, session->batch, &error);
    return checked("rocksdb_write", error);
}

static int begin_read(PeerSession *session) {
    session->snapshot = rocksdb_create_snapshot(session->database->handle);
    rocksdb_readoptions_set_snapshot(session->read_options, session->snapshot);
    return 0;
}

static int take(rocksdb_pinnableslice_t *slice, uint64_t *touched) {
    if (!slice) return 0;
    size_t length = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &length);
    *touched += peer_ends(value, length);
    rocksdb_pinnableslice_destroy(slice);
    return 1;
}

static int get_with(
    PeerSession *session, rocksdb_readoptions_t *options, PeerBytes key, uint64_t *touched
) {
    char *error = NULL;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned(
        session->database->handle, options, key.start, key.count, &error);
    if (error) return checked("rocksdb_get_pinned", error);
    return take(slice, touched);
}

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    return get_with(session, session->read_options, key, touched);
}

static int get_newest(PeerSession *session, PeerBytes key, uint64_t *touched) {
    return get_with(session, session->database->newest, key, touched);
}

static int get_many(
    PeerSession *session, const PeerBytes *keys, size_t count, uint64_t *touched
) {
    const char *starts[many_limit];
    size_t lengths[many_limit];
    rocksdb_pinnableslice_t *values[many_limit];
    char *errors[many_limit];
    if (count == 0 || count > many_limit) return peer_fail("get_many", "needs 1 to 64 keys");
    for (size_t i = 0; i < count; i++) {
        starts[i] = keys[i].start;
        lengths[i] = keys[i].count;
    }
    rocksdb_batched_multi_get_cf(
        session->database->handle, session->read_options, session->database->family, count, starts,
        lengths, values, errors, false);
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        if (errors[i]) return checked("rocksdb_batched_multi_get_cf", errors[i]);
        found += take(values[i], touched);
    }
    return found;
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    if (!session->iterator)
        session->iterator =
            rocksdb_create_iterator(session->database->handle, session->read_options);
    rocksdb_iterator_t *iterator = session->iterator;
    if (from.count)
        rocksdb_iter_seek(iterator, from.start, from.count);
    else if (reverse)
        rocksdb_iter_seek_to_last(iterator);
    else
        rocksdb_iter_seek_to_first(iterator);
    uint64_t sum = 0, count = 0;
    while (count < limit && rocksdb_iter_valid(iterator)) {
        size_t key_length, value_length;
        const char *key = rocksdb_iter_key(iterator, &key_length);
        const char *value = rocksdb_iter_value(iterator, &value_length);
        sum += peer_head(key, key_length) + peer_head(value, value_length);
        count += 1;
        if (reverse)
            rocksdb_iter_prev(iterator);
        else
            rocksdb_iter_next(iterator);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error) return checked("rocksdb_iter_next", error);
    *touched += sum;
    return (int64_t)count;
}

static int bulk_begin(PeerSession *session) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    session->bulk_options = rocksdb_envoptions_create();
    session->bulk = rocksdb_sstfilewriter_create(session->bulk_options, database->options);
    rocksdb_sstfilewriter_open(session->bulk, database->bulk_path, &error);
    return checked("rocksdb_sstfilewriter_open", error);
}

static int bulk_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    char *error = NULL;
    rocksdb_sstfilewriter_put(
        session->bulk, key.start, key.count, value.start, value.count, &error);
    return error ? checked("rocksdb_sstfilewriter_put", error) : 0;
}

static int bulk_finish(PeerSession *session) {
    PeerDatabase *database = session->database;
    char *error = NULL;
    rocksdb_sstfilewriter_finish(session->bulk, &error);
    rocksdb_sstfilewriter_destroy(session->bulk);
    rocksdb_envoptions_destroy(session->bulk_options);
    if (error) return checked("rocksdb_sstfilewriter_finish", error);
    rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
    const char *files[] = {database->bulk_path};
    rocksdb_ingest_external_file(database->handle, files, 1, options, &error);
    rocksdb_ingestexternalfileoptions_destroy(options);
    return checked("rocksdb_ingest_external_file", error);
}

const PeerEngine rocksdb_engine = {
    .name = "rocksdb",
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
    .get_many = get_many,
    .scan = scan,
    .bulk_begin = bulk_begin,
    .bulk_put = bulk_put,
    .bulk_finish = bulk_finish,
};
