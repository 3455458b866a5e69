// Threads, locks, time and randomness. See CStorageIO.h for the contract of each function.
#define _GNU_SOURCE
#ifdef KVDB_SCHEDULES
#include "real_threads.h"  // schedules.c stands in front of this file
#endif
#include "CStorageIO.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
// One libc declares getentropy here, another there.
#include <sys/random.h>
#include <unistd.h>

struct csio_lock_s {
    pthread_mutex_t mutex;
};
struct csio_condition_s {
    pthread_cond_t condition;
};

csio_lock_t *csio_lock_create(void) {
    csio_lock_t *lock = malloc(sizeof *lock);
    if (!lock) abort();
    pthread_mutex_init(&lock->mutex, 0);
    return lock;
}
void csio_lock_destroy(csio_lock_t *lock) {
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}
void csio_lock_acquire(csio_lock_t *lock) { pthread_mutex_lock(&lock->mutex); }
int csio_lock_try(csio_lock_t *lock) { return pthread_mutex_trylock(&lock->mutex) == 0; }
void csio_lock_release(csio_lock_t *lock) { pthread_mutex_unlock(&lock->mutex); }

csio_condition_t *csio_condition_create(void) {
    csio_condition_t *condition = malloc(sizeof *condition);
    if (!condition) abort();
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
    // Timed waits must not jump when someone sets the wall clock.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&condition->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return condition;
}
void csio_condition_destroy(csio_condition_t *condition) {
    pthread_cond_destroy(&condition->condition);
    free(condition);
}
void csio_condition_wait(csio_condition_t *condition, csio_lock_t *lock) {
    pthread_cond_wait(&condition->condition, &lock->mutex);
}
int csio_condition_wait_for(csio_condition_t *condition, csio_lock_t *lock, uint64_t nanoseconds) {
    struct timespec limit;
#if defined(__APPLE__)
    limit.tv_sec = (time_t)(nanoseconds / 1000000000u);
    limit.tv_nsec = (long)(nanoseconds % 1000000000u);
    return pthread_cond_timedwait_relative_np(&condition->condition, &lock->mutex, &limit) == 0;
#else
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += (time_t)(nanoseconds / 1000000000u);
    limit.tv_nsec += (long)(nanoseconds % 1000000000u);
    if (limit.tv_nsec >= 1000000000) {
        limit.tv_sec += 1;
        limit.tv_nsec -= 1000000000;
    }
    return pthread_cond_timedwait(&condition->condition, &lock->mutex, &limit) == 0;
#endif
}
void csio_condition_signal(csio_condition_t *condition) {
    pthread_cond_signal(&condition->condition);
}
void csio_condition_broadcast(csio_condition_t *condition) {
    pthread_cond_broadcast(&condition->condition);
}

struct start {
    void (*body)(void *);
    void *context;
};

static void *run(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.body(start.context);
    return 0;
}

void *csio_thread_start(void (*body)(void *), void *context) {
    pthread_t *thread = malloc(sizeof *thread);
    // Freed by the new thread, which may still have to read it when its handle is gone.
    struct start *start = malloc(sizeof *start);
    if (start) {
        start->body = body;
        start->context = context;
    }
    if (!thread || !start || pthread_create(thread, 0, run, start) != 0) {
        free(start);
        free(thread);
        return 0;
    }
    return thread;
}

void csio_thread_join(void *handle) {
    pthread_t *thread = handle;
    pthread_join(*thread, 0);
    free(thread);
}

void csio_thread_detach(void *handle) {
    pthread_t *thread = handle;
    pthread_detach(*thread);
    free(thread);
}

void csio_yield(void) { sched_yield(); }

void csio_sleep(uint64_t nanoseconds) {
    struct timespec rest = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

uint64_t csio_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t csio_thread_hint(void) {
    // Thread control blocks lie pages apart, so the low bits say nothing; mix the rest.
    uint64_t self = (uint64_t)(uintptr_t)pthread_self();
    self ^= self >> 33;
    self *= 0xff51afd7ed558ccdu;
    return self ^ (self >> 29);
}

void csio_random_bytes(void *buffer, size_t count) {
    unsigned char *bytes = buffer;
    while (count > 0) {
        size_t part = count < 256 ? count : 256;
        if (getentropy(bytes, part) != 0) abort();
        bytes += part;
        count -= part;
    }
}
