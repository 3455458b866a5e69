// WiredTiger: log on and preallocated, one session and one table cursor for each thread, a bulk cursor
// for sorted loads.

#include "Support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <wiredtiger.h>

static const char table_name[] = "table:kv";

struct PeerDatabase {
    WT_CONNECTION *connection;
};

struct PeerSession {
    PeerDatabase *database;
    WT_SESSION *session;
    WT_CURSOR *cursor;
    WT_CURSOR *bulk;
};

static int failed(const char *what, int code) { return peer_fail(what, wiredtiger_strerror(code)); }

static int checked(const char *what, int code) { return code == 0 ? 0 : failed(what, code); }

static void version(char *buffer, size_t size) {
    int major, minor, patch;
    wiredtiger_version(&major, &minor, &patch);
    snprintf(buffer, size, "%d.%d.%d", major, minor, patch);
}

static WT_ITEM item(PeerBytes bytes) {
    return (WT_ITEM){.data = bytes.start, .size = bytes.count};
}

static int open_database(const PeerOptions *options, PeerDatabase **result) {
    // A megabyte is the least that it takes.
    unsigned long long cache = options->cache_bytes < 1 << 20 ? 1 << 20 : options->cache_bytes;
    bool is_often = options->checkpoints == PEER_CHECKPOINTS_OFTEN;
    char text[512];
    snprintf(
        text, sizeof text,
        "create,cache_size=%llu,log=(enabled=true,prealloc=true),checkpoint=(wait=%d,log_size=%s),"
        "transaction_sync=(enabled=true,method=%s)",
        cache, is_often ? 1 : 60, is_often ? "128KB" : "2GB",
        // "none" still hands each commit to the system, so that it survives the process.
        options->sync == PEER_DURABLE ? "fsync" : "none");
    PeerDatabase *database = calloc(1, sizeof *database);
    int code = wiredtiger_open(options->directory, NULL, text, &database->connection);
    WT_SESSION *session = NULL;
    if (code == 0)
        code = database->connection->open_session(database->connection, NULL, NULL, &session);
    if (code == 0)
        code = session->create(session, table_name, "key_format=u,value_format=u");
    if (code == 0) code = session->close(session, NULL);
    if (code != 0) {
        if (database->connection) database->connection->close(database->connection, NULL);
        free(database);
        return failed("wiredtiger_open", code);
    }
    *result = database;
    return 0;
}

static int close_database(PeerDatabase *database) {
    int code = database->connection->close(database->connection, NULL);
    free(database);
    return checked("close", code);
}

static int settle(PeerDatabase *database) {
    WT_SESSION *session;
    int code = database->connection->open_session(database->connection, NULL, NULL, &session);
    if (code == 0) code = session->checkpoint(session, NULL);
    if (code == 0) code = session->close(session, NULL);
    return checked("checkpoint", code);
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    int code = database->connection->open_session(
        database->connection, NULL, NULL, &session->session);
    if (code != 0) {
        free(session);
        return failed("open_session", code);
    }
    *result = session;
    return 0;
}

/// The session's cursor; opened late, as a bulk load wants the table for itself.
static WT_CURSOR *cursor_of(PeerSession *session) {
    if (!session->cursor)
        session->session->open_cursor(
            session->session, table_name, NULL, NULL, &session->cursor);
    return session->cursor;
}

static void end_session(PeerSession *session) {
    session->session->close(session->session, NULL);
    free(session);
}

/// Sets the cursor's key and value and inserts, again when another thread was in the way.
static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    WT_CURSOR *cursor = cursor_of(session);
    WT_ITEM k = item(key), v = item(value);
    int code;
    do {
        cursor->set_key(cursor, &k);
        cursor->set_value(cursor, &v);
        code = cursor->insert(cursor);
    } while (code == WT_ROLLBACK);
    return checked("insert", code);
}

static int begin(PeerSession *session) {
    return checked(
        "begin_transaction",
        session->session->begin_transaction(session->session, "isolation=snapshot"));
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    WT_CURSOR *cursor = cursor_of(session);
    WT_ITEM k = item(key), v = item(value);
    cursor->set_key(cursor, &k);
    cursor->set_value(cursor, &v);
    return checked("insert", cursor->insert(cursor));
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    WT_CURSOR *cursor = cursor_of(session);
    WT_ITEM k = item(key);
    cursor->set_key(cursor, &k);
    int code = cursor->remove(cursor);
    return code == WT_NOTFOUND ? 0 : checked("remove", code);
}

static int commit(PeerSession *session) {
    return checked(
        "commit_transaction", session->session->commit_transaction(session->session, NULL));
}

static int begin_read(PeerSession *session) { return begin(session); }

static void end_read(PeerSession *session) {
    if (session->cursor) session->cursor->reset(session->cursor);
    session->session->rollback_transaction(session->session, NULL);
}

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    WT_CURSOR *cursor = cursor_of(session);
    WT_ITEM k = item(key), v;
    cursor->set_key(cursor, &k);
    int code = cursor->search(cursor);
    if (code == WT_NOTFOUND) return 0;
    if (code == 0) code = cursor->get_value(cursor, &v);
    if (code != 0) return failed("search", code);
    *touched += peer_ends(v.data, v.size);
    return 1;
}

static int get_newest(PeerSession *session, PeerBytes key, uint64_t *touched) {
    int found = get(session, key, touched);
    // A cursor that stays where it is would keep its version.
    session->cursor->reset(session->cursor);
    return found;
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    WT_CURSOR *cursor = cursor_of(session);
    int code;
    if (from.count) {
        WT_ITEM start = item(from);
        int order = 0;
        cursor->set_key(cursor, &start);
        code = cursor->search_near(cursor, &order);
        if (code == 0 && order < 0) code = cursor->next(cursor);
    } else {
        cursor->reset(cursor);
        code = reverse ? cursor->prev(cursor) : cursor->next(cursor);
    }
    uint64_t sum = 0, count = 0;
    while (code == 0) {
        WT_ITEM k, v;
        cursor->get_key(cursor, &k);
        cursor->get_value(cursor, &v);
        sum += peer_head(k.data, k.size) + peer_head(v.data, v.size);
        if (++count == limit) break;
        code = reverse ? cursor->prev(cursor) : cursor->next(cursor);
    }
    if (code != 0 && code != WT_NOTFOUND) return failed("next", code);
    *touched += sum;
    return (int64_t)count;
}

static int bulk_begin(PeerSession *session) {
    return checked(
        "open_cursor", session->session->open_cursor(
            session->session, table_name, NULL, "bulk", &session->bulk));
}

static int bulk_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    WT_ITEM k = item(key), v = item(value);
    session->bulk->set_key(session->bulk, &k);
    session->bulk->set_value(session->bulk, &v);
    return checked("insert", session->bulk->insert(session->bulk));
}

static int bulk_finish(PeerSession *session) {
    int code = session->bulk->close(session->bulk);
    if (code == 0) code = session->session->checkpoint(session->session, NULL);
    return checked("checkpoint", code);
}

const PeerEngine wiredtiger_engine = {
    .name = "wiredtiger",
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
