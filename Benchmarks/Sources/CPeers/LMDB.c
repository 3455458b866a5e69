// LMDB: one read transaction and one cursor for each session, renewed where the newest version is asked
// for; MDB_APPEND for ascending loads. Two engines: the plain one, and one that writes through the map.

#include "Support.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

struct PeerDatabase {
    MDB_env *environment;
    MDB_dbi table;
};

struct PeerSession {
    PeerDatabase *database;
    MDB_txn *reading;
    MDB_cursor *cursor;
    MDB_txn *writing;
    MDB_cursor *bulk;
};

static int failed(const char *what, int code) { return peer_fail(what, mdb_strerror(code)); }

static MDB_val from_bytes(PeerBytes bytes) {
    return (MDB_val){.mv_size = bytes.count, .mv_data = (void *)bytes.start};
}

static void version(char *buffer, size_t size) {
    snprintf(buffer, size, "%d.%d.%d", MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH);
}

static int open_with(const PeerOptions *options, unsigned flags, PeerDatabase **result) {
    PeerDatabase *database = calloc(1, sizeof *database);
    flags |= MDB_NOTLS;
    if (options->sync == PEER_WRITTEN) flags |= MDB_NOSYNC;
    int code = mdb_env_create(&database->environment);
    if (code == 0) code = mdb_env_set_mapsize(database->environment, options->map_bytes);
    if (code == 0) code = mdb_env_open(database->environment, options->directory, flags, 0644);
    MDB_txn *transaction = NULL;
    if (code == 0) code = mdb_txn_begin(database->environment, NULL, 0, &transaction);
    if (code == 0) code = mdb_dbi_open(transaction, NULL, 0, &database->table);
    if (code == 0) {
        code = mdb_txn_commit(transaction);
    } else if (transaction) {
        mdb_txn_abort(transaction);
    }
    if (code != 0) {
        if (database->environment) mdb_env_close(database->environment);
        free(database);
        return failed("mdb_env_open", code);
    }
    *result = database;
    return 0;
}

static int open_plain(const PeerOptions *options, PeerDatabase **result) {
    return open_with(options, 0, result);
}

static int open_writemap(const PeerOptions *options, PeerDatabase **result) {
    return open_with(options, MDB_WRITEMAP, result);
}

static int close_database(PeerDatabase *database) {
    mdb_env_close(database->environment);
    free(database);
    return 0;
}

static int settle(PeerDatabase *database) {
    int code = mdb_env_sync(database->environment, 1);
    return code == 0 ? 0 : failed("mdb_env_sync", code);
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    *result = session;
    return 0;
}

static void end_session(PeerSession *session) {
    if (session->cursor) mdb_cursor_close(session->cursor);
    if (session->reading) mdb_txn_abort(session->reading);
    if (session->writing) mdb_txn_abort(session->writing);
    free(session);
}

static int begin(PeerSession *session) {
    int code = mdb_txn_begin(session->database->environment, NULL, 0, &session->writing);
    return code == 0 ? 0 : failed("mdb_txn_begin", code);
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    MDB_val k = from_bytes(key), v = from_bytes(value);
    int code = mdb_put(session->writing, session->database->table, &k, &v, 0);
    return code == 0 ? 0 : failed("mdb_put", code);
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    MDB_val k = from_bytes(key);
    int code = mdb_del(session->writing, session->database->table, &k, NULL);
    return code == 0 || code == MDB_NOTFOUND ? 0 : failed("mdb_del", code);
}

static int commit(PeerSession *session) {
    int code = mdb_txn_commit(session->writing);
    session->writing = NULL;
    return code == 0 ? 0 : failed("mdb_txn_commit", code);
}

static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    if (begin(session) != 0 || batch_put(session, key, value) != 0) return -1;
    return commit(session);
}

static int begin_read(PeerSession *session) {
    int code;
    if (session->reading) {
        code = mdb_txn_renew(session->reading);
        if (code == 0) code = mdb_cursor_renew(session->reading, session->cursor);
    } else {
        code = mdb_txn_begin(
            session->database->environment, NULL, MDB_RDONLY, &session->reading);
        if (code == 0)
            code = mdb_cursor_open(
                session->reading, session->database->table, &session->cursor);
    }
    return code == 0 ? 0 : failed("mdb_txn_renew", code);
}

static void end_read(PeerSession *session) { mdb_txn_reset(session->reading); }

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    MDB_val k = from_bytes(key), v;
    int code = mdb_get(session->reading, session->database->table, &k, &v);
    if (code == MDB_NOTFOUND) return 0;
    if (code != 0) return failed("mdb_get", code);
    *touched += peer_ends(v.mv_data, v.mv_size);
    return 1;
}

static int get_newest(PeerSession *session, PeerBytes key, uint64_t *touched) {
    if (begin_read(session) != 0) return -1;
    int found = get(session, key, touched);
    end_read(session);
    return found;
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    MDB_val k = from_bytes(from), v;
    MDB_cursor_op step = from.count ? MDB_SET_RANGE : reverse ? MDB_LAST : MDB_FIRST;
    uint64_t sum = 0, count = 0;
    while (count < limit) {
        int code = mdb_cursor_get(session->cursor, &k, &v, step);
        if (code == MDB_NOTFOUND) break;
        if (code != 0) return failed("mdb_cursor_get", code);
        sum += peer_head(k.mv_data, k.mv_size) + peer_head(v.mv_data, v.mv_size);
        count += 1;
        step = reverse ? MDB_PREV : MDB_NEXT;
    }
    *touched += sum;
    return (int64_t)count;
}

static int bulk_begin(PeerSession *session) {
    if (begin(session) != 0) return -1;
    int code = mdb_cursor_open(session->writing, session->database->table, &session->bulk);
    return code == 0 ? 0 : failed("mdb_cursor_open", code);
}

static int bulk_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    MDB_val k = from_bytes(key), v = from_bytes(value);
    int code = mdb_cursor_put(session->bulk, &k, &v, MDB_APPEND);
    return code == 0 ? 0 : failed("mdb_cursor_put", code);
}

static int bulk_finish(PeerSession *session) {
    mdb_cursor_close(session->bulk);
    if (commit(session) != 0) return -1;
    return settle(session->database);
}

#define LMDB_ENGINE(engine_name, opening)                                                          \
    {                                                                                              \
        .name = engine_name, .version = version, .open = opening, .close = close_database,         \
        .settle = settle, .start_session = start_session, .end_session = end_session, .put = put,  \
        .begin = begin, .batch_put = batch_put, .batch_delete = batch_delete, .commit = commit,    \
        .begin_read = begin_read, .end_read = end_read, .get = get, .get_newest = get_newest,      \
        .get_many = NULL, .scan = scan, .bulk_begin = bulk_begin, .bulk_put = bulk_put,            \
        .bulk_finish = bulk_finish,                                                                \
    }

const PeerEngine lmdb_engine = LMDB_ENGINE("lmdb", open_plain);
const PeerEngine lmdb_writemap_engine = LMDB_ENGINE("lmdb-writemap", open_writemap);
