// The machine's own limits, behind the same interface as the engines: what no engine can pass, because
// nothing is done but what every one of them must do.
//
// - put: a frame of 128 bytes written over a place of a file that was written and synced before, then
//   fdatasync; threads share the syncs (group commit).
// - batch: the frames of a batch in one write, then one fdatasync.
// - bulk: keys and values written one after the other to a new file, then fsync.
// - get: binary search in a sorted array; scan: that array from end to end.
//
// Keys are 16 bytes and values of one length, which the reading half needs and the writing half doesn't.

#include "Support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    key_bytes = 16,
    frame_bytes = 128,
    write_buffer_bytes = 1 << 20,
    log_bytes = 64 << 20,
};

struct PeerDatabase {
    PeerSync sync;
    char *sorted_path;
    int log;

    // Guards everything up to `sorted`. A thread that finds no leader becomes it, takes the buffer
    // filled so far, and syncs it; those who come meanwhile fill the other one and wait.
    pthread_mutex_t lock;
    pthread_cond_t group_done[2];
    uint8_t *buffers[2];
    size_t filled;
    uint64_t group;
    uint64_t groups_done;
    bool has_leader;
    bool has_failed;
    uint64_t position;

    // The sorted array: keys apart from values, as a search touches only keys.
    uint8_t *keys;
    uint8_t *values;
    uint64_t count;
    uint32_t value_bytes;
};

struct PeerSession {
    PeerDatabase *database;
    uint8_t *buffer;
    size_t filled;
    int bulk;
    uint64_t bulk_count;
    uint32_t value_bytes;
};

static void version(char *buffer, size_t size) { snprintf(buffer, size, "the system's calls"); }

static int data_sync(int file) {
#ifdef __APPLE__
    return fcntl(file, F_FULLFSYNC);
#else
    return fdatasync(file);
#endif
}

static int write_all(int file, const void *bytes, size_t count, off_t position) {
    const uint8_t *next = bytes;
    while (count > 0) {
        ssize_t written = pwrite(file, next, count, position);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return peer_fail_errno("pwrite");
        next += written;
        position += written;
        count -= (size_t)written;
    }
    return 0;
}

/// The log, written once from end to end so that later writes change no metadata.
static int open_log(PeerDatabase *database, const char *directory) {
    char *path = peer_path(directory, "log");
    database->log = open(path, O_RDWR | O_CREAT, 0644);
    free(path);
    if (database->log < 0) return peer_fail_errno("open");
    struct stat status;
    if (fstat(database->log, &status) != 0) return peer_fail_errno("fstat");
    if (status.st_size >= log_bytes) return 0;
    for (off_t at = 0; at < log_bytes; at += write_buffer_bytes)
        if (write_all(database->log, database->buffers[0], write_buffer_bytes, at) != 0) return -1;
    return data_sync(database->log) == 0 ? 0 : peer_fail_errno("fdatasync");
}

/// Reads the array that a bulk load has left, when there is one.
static int load_sorted(PeerDatabase *database) {
    FILE *file = fopen(database->sorted_path, "rb");
    if (!file) return errno == ENOENT ? 0 : peer_fail_errno("fopen");
    uint8_t head[4];
    struct stat status;
    int result = 0;
    if (fstat(fileno(file), &status) != 0 || fread(head, sizeof head, 1, file) != 1)
        result = peer_fail("sorted array", "can't be read");
    if (result == 0) {
        memcpy(&database->value_bytes, head, sizeof head);
        size_t entry = key_bytes + database->value_bytes;
        database->count = ((uint64_t)status.st_size - sizeof head) / entry;
        database->keys = malloc(database->count * key_bytes + 1);
        database->values = malloc(database->count * database->value_bytes + 1);
        for (uint64_t i = 0; i < database->count && result == 0; i++) {
            bool is_read =
                fread(database->keys + i * key_bytes, key_bytes, 1, file) == 1 &&
                fread(database->values + i * database->value_bytes, database->value_bytes, 1, file)
                    == 1;
            if (!is_read) result = peer_fail("sorted array", "is cut short");
        }
    }
    fclose(file);
    return result;
}

static int close_database(PeerDatabase *database) {
    if (database->log >= 0) close(database->log);
    free(database->sorted_path);
    free(database->buffers[0]);
    free(database->buffers[1]);
    free(database->keys);
    free(database->values);
    free(database);
    return 0;
}

static int open_database(const PeerOptions *options, PeerDatabase **result) {
    PeerDatabase *database = calloc(1, sizeof *database);
    database->sync = options->sync;
    database->sorted_path = peer_path(options->directory, "sorted");
    database->log = -1;
    pthread_mutex_init(&database->lock, NULL);
    for (int i = 0; i < 2; i++) {
        pthread_cond_init(&database->group_done[i], NULL);
        database->buffers[i] = calloc(1, write_buffer_bytes);
    }
    if (open_log(database, options->directory) != 0 || load_sorted(database) != 0) {
        close_database(database);
        return -1;
    }
    *result = database;
    return 0;
}

static int settle(PeerDatabase *database) {
    (void)database;
    return 0;
}

static int start_session(PeerDatabase *database, PeerSession **result) {
    PeerSession *session = calloc(1, sizeof *session);
    session->database = database;
    session->buffer = malloc(write_buffer_bytes);
    session->bulk = -1;
    *result = session;
    return 0;
}

static void end_session(PeerSession *session) {
    if (session->bulk >= 0) close(session->bulk);
    free(session->buffer);
    free(session);
}

static void fill_frame(uint8_t *frame, PeerBytes key, PeerBytes value) {
    size_t room = frame_bytes - key.count;
    memcpy(frame, key.start, key.count);
    memcpy(frame + key.count, value.start, value.count < room ? value.count : room);
}

/// How far a write of `count` bytes moves the log's end, which goes round. The lock is held.
static off_t take_place(PeerDatabase *database, size_t count) {
    if (database->position + count > log_bytes) database->position = 0;
    off_t place = (off_t)database->position;
    database->position += count;
    return place;
}

static int put(PeerSession *session, PeerBytes key, PeerBytes value) {
    PeerDatabase *database = session->database;
    pthread_mutex_lock(&database->lock);
    if (database->sync == PEER_WRITTEN) {
        uint8_t frame[frame_bytes] = {0};
        fill_frame(frame, key, value);
        off_t place = take_place(database, frame_bytes);
        pthread_mutex_unlock(&database->lock);
        return write_all(database->log, frame, frame_bytes, place);
    }
    uint64_t group = database->group;
    fill_frame(database->buffers[group & 1] + database->filled, key, value);
    database->filled += frame_bytes;
    while (database->groups_done <= group && database->has_leader)
        pthread_cond_wait(&database->group_done[group & 1], &database->lock);
    if (database->groups_done <= group) {
        database->has_leader = true;
        size_t count = database->filled;
        off_t place = take_place(database, count);
        database->group += 1;
        database->filled = 0;
        pthread_mutex_unlock(&database->lock);
        bool is_written = write_all(database->log, database->buffers[group & 1], count, place) == 0
            && data_sync(database->log) == 0;
        pthread_mutex_lock(&database->lock);
        database->groups_done = group + 1;
        database->has_leader = false;
        if (!is_written) database->has_failed = true;
        pthread_cond_broadcast(&database->group_done[group & 1]);
        // One of those who came meanwhile leads the next group.
        pthread_cond_signal(&database->group_done[(group + 1) & 1]);
    }
    bool has_failed = database->has_failed;
    pthread_mutex_unlock(&database->lock);
    return has_failed ? peer_fail("group commit", "a write or sync failed") : 0;
}

static int begin(PeerSession *session) {
    session->filled = 0;
    return 0;
}

static int batch_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    if (session->filled + frame_bytes > write_buffer_bytes)
        return peer_fail("batch", "longer than the raw engine's buffer");
    fill_frame(session->buffer + session->filled, key, value);
    session->filled += frame_bytes;
    return 0;
}

static int batch_delete(PeerSession *session, PeerBytes key) {
    return batch_put(session, key, (PeerBytes){"", 0});
}

static int commit(PeerSession *session) {
    PeerDatabase *database = session->database;
    pthread_mutex_lock(&database->lock);
    off_t place = take_place(database, session->filled);
    pthread_mutex_unlock(&database->lock);
    if (write_all(database->log, session->buffer, session->filled, place) != 0) return -1;
    if (database->sync == PEER_WRITTEN) return 0;
    return data_sync(database->log) == 0 ? 0 : peer_fail_errno("fdatasync");
}

static int begin_read(PeerSession *session) {
    (void)session;
    return 0;
}

static void end_read(PeerSession *session) { (void)session; }

static inline uint64_t big_endian(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap64(word);
}

static inline bool is_less(const uint8_t *left, const uint8_t *right) {
    uint64_t l = big_endian(left), r = big_endian(right);
    return l != r ? l < r : big_endian(left + 8) < big_endian(right + 8);
}

/// The first place whose key is not below `key`.
static uint64_t lower_bound(const PeerDatabase *database, const uint8_t *key) {
    uint64_t low = 0, high = database->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (is_less(database->keys + middle * key_bytes, key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int get(PeerSession *session, PeerBytes key, uint64_t *touched) {
    const PeerDatabase *database = session->database;
    uint64_t place = lower_bound(database, key.start);
    if (place == database->count ||
        memcmp(database->keys + place * key_bytes, key.start, key_bytes) != 0)
        return 0;
    size_t length = database->value_bytes;
    *touched += peer_ends(database->values + place * length, length);
    return 1;
}

static int64_t scan(
    PeerSession *session, PeerBytes from, bool reverse, uint64_t limit, uint64_t *touched
) {
    const PeerDatabase *database = session->database;
    uint64_t start = from.count ? lower_bound(database, from.start) : 0;
    uint64_t count = database->count - start < limit ? database->count - start : limit;
    size_t length = database->value_bytes;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = reverse ? database->count - 1 - i : start + i;
        sum += peer_head(database->keys + place * key_bytes, key_bytes);
        sum += peer_head(database->values + place * length, length);
    }
    *touched += sum;
    return (int64_t)count;
}

static int bulk_begin(PeerSession *session) {
    session->bulk = open(session->database->sorted_path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (session->bulk < 0) return peer_fail_errno("open");
    session->filled = 0;
    session->bulk_count = 0;
    session->value_bytes = 0;
    return 0;
}

static int flush_bulk(PeerSession *session) {
    if (write_all(session->bulk, session->buffer, session->filled, (off_t)session->bulk_count) != 0)
        return -1;
    session->bulk_count += session->filled;
    session->filled = 0;
    return 0;
}

static int bulk_put(PeerSession *session, PeerBytes key, PeerBytes value) {
    size_t count = key.count + value.count;
    if (session->bulk_count == 0 && session->filled == 0) {
        session->value_bytes = (uint32_t)value.count;
        memcpy(session->buffer, &session->value_bytes, sizeof session->value_bytes);
        session->filled = sizeof session->value_bytes;
    }
    if (session->filled + count > write_buffer_bytes && flush_bulk(session) != 0) return -1;
    memcpy(session->buffer + session->filled, key.start, key.count);
    memcpy(session->buffer + session->filled + key.count, value.start, value.count);
    session->filled += count;
    return 0;
}

static int bulk_finish(PeerSession *session) {
    if (flush_bulk(session) != 0) return -1;
    if (fsync(session->bulk) != 0) return peer_fail_errno("fsync");
    close(session->bulk);
    session->bulk = -1;
    return 0;
}

const PeerEngine raw_engine = {
    .name = "raw",
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
    .bulk_put = bulk_put,
    .bulk_finish = bulk_finish,
};
