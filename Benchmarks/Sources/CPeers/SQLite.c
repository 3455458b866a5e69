// SQLite: write-ahead log, a table WITHOUT ROWID, prepared statements, a connection for each session
// with the whole cache budget, and the file mapped where the budget is a large one. Writers take turns
// at a mutex, as SQLite's own waiting sleeps.

#include "Support.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

/// The prepared statements of a connection; they are made when they are first needed.
enum {
    get_statement,
    put_statement,
    delete_statement,
    begin_statement,
    begin_read_statement,
    commit_statement,
    scan_statement,
    scan_back_statement,
    seek_statement,
    statement_count,
};

static const char *const statement_text[statement_count] = {
    [get_statement] = "SELECT v FROM kv WHERE k = ?1",
    [put_statement] = "INSERT OR REPLACE INTO kv (k, v) VALUES (?1, ?2)",
    [delete_statement] = "DELETE FROM kv WHERE k = ?1",
    [begin_statement] = "BEGIN IMMEDIATE",
    [begin_read_statement] = "BEGIN",
    [commit_statement] = "COMMIT",
    [scan_statement] = "SELECT k, v FROM kv ORDER BY k",
    [scan_back_statement] = "SELECT k, v FROM kv ORDER BY k DESC",
    [seek_statement] = "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k",
};

typedef struct Connection {
    sqlite3 *handle;
    sqlite3_stmt *statements[statement_count];
} Connection;

struct PeerDatabase {
    char *path;
    PeerOptions options;
    // One writer at a time.
    pthread_mutex_t writer;
    // The first connection, which the first session borrows.
    Connection first;
    bool is_first_lent;
};

struct PeerSession {
    PeerDatabase *database;
    Connection *connection;
};

static void version(char *buffer, size_t size) { snprintf(buffer, size, "%s", sqlite3_libversion()); }

static int failed(Connection *connection, const char *what) {
    return peer_fail(what, sqlite3_errmsg(connection->handle));
}

static int execute(Connection *connection, const char *text) {
    int code = sqlite3_exec(connection->handle, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : failed(connection, text);
}

static sqlite3_stmt *statement(Connection *connection, int which) {
    sqlite3_stmt **place = &connection->statements[which];
    if (!*place)
        sqlite3_prepare_v3(
            connection->handle, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT, place, NULL);
    return *place;
}

static void disconnect(Connection *connection) {
    for (int i = 0; i < statement_count; i++) sqlite3_finalize(connection->statements[i]);
    sqlite3_close(connection->handle);
    memset(connection, 0, sizeof *connection);
}

/// Opens a connection with the settings of the run.
static int connect_to(PeerDatabase *database, Connection *connection) {
    memset(connection, 0, sizeof *connection);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(database->path, &connection->handle, flags, NULL) != SQLITE_OK)
        return failed(connection, "sqlite3_open_v2");
    sqlite3_busy_timeout(connection->handle, 60000);
    const PeerOptions *options = &database->options;
    static const int checkpoint_pages[] = {
        [PEER_CHECKPOINTS_USUAL] = 16384,
        [PEER_CHECKPOINTS_OFTEN] = 256,
        [PEER_CHECKPOINTS_NEVER] = 0,
    };
    char text[512];
    snprintf(
        text, sizeof text,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA cache_size=-%llu;"
        "PRAGMA mmap_size=%llu; PRAGMA wal_autocheckpoint=%d;"
        "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;",
        options->sync == PEER_DURABLE ? "FULL" : "OFF",
        (unsigned long long)(options->cache_bytes / 1024),
        // A map of a file that is larger than the budget would not keep to it.
        (unsigned long long)(options->cache_bytes >= 1 << 30 ? options->cache_bytes : 0),
        checkpoint_pages[options->checkpoints]);
    return execute(connection, text);
}

static int close_database(PeerDatabase *database) {
    disconnect(&database->first);
    free(database->path);
    free(database);
    return 0;
}

static int open_database(const PeerOptions *options, PeerDatabase **result) {
    PeerDatabase *database = calloc(1, sizeof *database);
    database->path = peer_path(options->directory, "data.sqlite");
    database->options = *options;
    pthread_mutex_init(&database->writer, NULL);
    if (connect_to(database, &database->first) != 0) {
        close_database(database);
        return -1;
    }
    *result = database;
    return 0;
}

static int settle(PeerDatabase *database) {
    return execute(&database->first, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    pthread_mutex_lock(&database->writer);
    bool is_first = !database->is_first_lent;
    database->is_first_lent = true;
    pthread_mutex_unlock(&database->writer);
    session->connection = &database->first;
    if (!is_first) {
        session->connection = malloc(sizeof *session->connection);
        if (connect_to(database, session->connection) != 0) {
            free(session->connection);
            free(session);
            return -1;
        }
    }
    *result = session;
    return 0;
}

static void end_session(PeerSession *session) {
    if (session->connection == &session->database->first) {
        session->database->is_first_lent = false;
    } else {
        disconnect(session->connection);
        free(session->connection);
    }
    free(session);
}

/// Runs a statement that gives no rows.
static int step(Connection *connection, int which) {
    sqlite3_stmt *prepared = statement(connection, which);
    int code = sqlite3_step(prepared);
    sqlite3_reset(prepared);
    return code == SQLITE_DONE ? 0 : failed(connection, statement_text[which]);
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    sqlite3_stmt *prepared = statement(session->connection, put_statement);
    sqlite3_bind_blob(prepared, 1, key.start, (int)key.count, SQLITE_STATIC);
    sqlite3_bind_blob(prepared, 2, value.start, (int)value.count, SQLITE_STATIC);
    return step(session->connection, put_statement);
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    sqlite3_stmt *prepared = statement(session->connection, delete_statement);
    sqlite3_bind_blob(prepared, 1, key.start, (int)key.count, SQLITE_STATIC);
    return step(session->connection, delete_statement);
}

static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    pthread_mutex_lock(&session->database->writer);
    int code = batch_put(session, key, value);
    pthread_mutex_unlock(&session->database->writer);
    return code;
}

static int begin(PeerSession *session) {
    pthread_mutex_lock(&session->database->writer);
    int code = step(session->connection, begin_statement);
    if (code != 0) pthread_mutex_unlock(&session->database->writer);
    return code;
}

static int commit(PeerSession *session) {
    int code = step(session->connection, commit_statement);
    pthread_mutex_unlock(&session->database->writer);
    return code;
}

static int begin_read(PeerSession *session) {
    return step(session->connection, begin_read_statement);
}

static void end_read(PeerSession *session) { step(session->connection, commit_statement); }

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    sqlite3_stmt *prepared = statement(session->connection, get_statement);
    sqlite3_bind_blob(prepared, 1, key.start, (int)key.count, SQLITE_STATIC);
    int code = sqlite3_step(prepared);
    if (code == SQLITE_ROW)
        *touched += peer_ends(
            sqlite3_column_blob(prepared, 0), (size_t)sqlite3_column_bytes(prepared, 0));
    sqlite3_reset(prepared);
    if (code == SQLITE_ROW) return 1;
    return code == SQLITE_DONE ? 0 : failed(session->connection, "get");
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    int which = from.count ? seek_statement : reverse ? scan_back_statement : scan_statement;
    sqlite3_stmt *prepared = statement(session->connection, which);
    if (from.count)
        sqlite3_bind_blob(prepared, 1, from.start, (int)from.count, SQLITE_STATIC);
    uint64_t sum = 0, count = 0;
    int code = SQLITE_DONE;
    while (count < limit && (code = sqlite3_step(prepared)) == SQLITE_ROW) {
        sum += peer_head(
            sqlite3_column_blob(prepared, 0), (size_t)sqlite3_column_bytes(prepared, 0));
        sum += peer_head(
            sqlite3_column_blob(prepared, 1), (size_t)sqlite3_column_bytes(prepared, 1));
        count += 1;
    }
    sqlite3_reset(prepared);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return failed(session->connection, "scan");
    *touched += sum;
    return (int64_t)count;
}

// A load into an empty file needs no journal: what a crash would lose is begun again. The commit syncs.

static int bulk_begin(PeerSession *session) {
    if (execute(session->connection, "PRAGMA journal_mode=OFF") != 0) return -1;
    if (execute(session->connection, "PRAGMA synchronous=FULL") != 0) return -1;
    return begin(session);
}

static int bulk_finish(PeerSession *session) {
    if (commit(session) != 0) return -1;
    return execute(session->connection, "PRAGMA journal_mode=WAL");
}

const PeerEngine sqlite_engine = {
    .name = "sqlite",
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
    .get_newest = get,
    .get_many = NULL,
    .scan = scan,
    .bulk_begin = bulk_begin,
    .bulk_put = batch_put,
    .bulk_finish = bulk_finish,
};
