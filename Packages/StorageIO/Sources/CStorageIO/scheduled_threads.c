// The locks, conditions, threads and clock of CStorageIO.h under the scheduler. Built only with
// KVDB_SCHEDULES=1; threads.c then has its functions under other names (real_threads.h), and these
// stand in front of them.
#ifdef KVDB_SCHEDULES

#include "run.h"

#include <stdio.h>
#include <stdlib.h>

// --- Locks ---------------------------------------------------------------------------------------

csio_lock_t *csio_lock_create(void) {
    csio_lock_t *lock = malloc(sizeof *lock);
    if (!lock) abort();
    lock->real = real_lock_create();
    lock->owner = 0;
    return lock;
}

static void die(const char *what) {
    char text[8192];
    size_t count = csio_schedule_describe(csio_self->schedule, text, sizeof text);
    fprintf(stderr, "%s, in thread %u.\n%.*s\n", what, csio_self->number, (int)count, text);
    abort();
}

void csio_lock_destroy(csio_lock_t *lock) {
    if (csio_self && lock->owner) die("A lock is destroyed while it is held");
    real_lock_destroy(lock->real);
    free(lock);
}

static void take(csio_lock_t *lock) {
    while (lock->owner) csio_run_block(WAITS_FOR_LOCK, lock, "waits for a lock");
    lock->owner = csio_self;
}

static void give_back(csio_lock_t *lock) {
    if (lock->owner != csio_self) die("A lock is released that the thread does not hold");
    lock->owner = 0;
    csio_run_wake_all(csio_self->schedule, WAITS_FOR_LOCK, lock);
}

void csio_lock_acquire(csio_lock_t *lock) {
    if (!csio_self) {
        real_lock_acquire(lock->real);
        return;
    }
    csio_run_step(1);
    take(lock);
}
int csio_lock_try(csio_lock_t *lock) {
    if (!csio_self) return real_lock_try(lock->real);
    csio_run_step(2);
    if (lock->owner) return 0;
    lock->owner = csio_self;
    return 1;
}
void csio_lock_release(csio_lock_t *lock) {
    if (csio_self)
        give_back(lock);
    else
        real_lock_release(lock->real);
}

// --- Conditions ----------------------------------------------------------------------------------

csio_condition_t *csio_condition_create(void) {
    csio_condition_t *condition = malloc(sizeof *condition);
    if (!condition) abort();
    condition->real = real_condition_create();
    return condition;
}
void csio_condition_destroy(csio_condition_t *condition) {
    real_condition_destroy(condition->real);
    free(condition);
}
void csio_condition_wait(csio_condition_t *condition, csio_lock_t *lock) {
    if (!csio_self) {
        real_condition_wait(condition->real, lock->real);
        return;
    }
    csio_run_step(3);
    give_back(lock);
    csio_run_block(WAITS_FOR_CONDITION, condition, "waits for a condition");
    take(lock);
}
int csio_condition_wait_for(csio_condition_t *condition, csio_lock_t *lock, uint64_t nanoseconds) {
    if (!csio_self) return real_condition_wait_for(condition->real, lock->real, nanoseconds);
    csio_run_step(4);
    give_back(lock);
    uint64_t now = csio_self->schedule->now;
    csio_self->deadline = now + nanoseconds < now ? UINT64_MAX : now + nanoseconds;
    // A limit of hours is none: such a wait may end early, but not because its time is over.
    if (nanoseconds >= 3600000000000)
        csio_run_block(WAITS_FOR_CONDITION, condition, "waits for a condition");
    else
        csio_run_block(WAITS_WITH_LIMIT, condition, "waits for a condition, limited");
    int is_timed_out = csio_self->is_timed_out;
    take(lock);
    return !is_timed_out;
}
void csio_condition_signal(csio_condition_t *condition) {
    if (!csio_self) {
        real_condition_signal(condition->real);
        return;
    }
    csio_run_step(5);
    csio_schedule_t *schedule = csio_self->schedule;
    uint32_t set = csio_run_threads(
        schedule, 1u << WAITS_FOR_CONDITION | 1u << WAITS_WITH_LIMIT, csio_self->number);
    for (uint32_t i = 0; i < schedule->thread_count; i++)
        if (schedule->threads[i]->waits_on != condition) set &= ~(1u << i);
    if (set) schedule->threads[csio_run_choose(schedule, set)]->state = RUNNABLE;
}
void csio_condition_broadcast(csio_condition_t *condition) {
    if (!csio_self) {
        real_condition_broadcast(condition->real);
        return;
    }
    csio_run_step(6);
    csio_run_wake_all(csio_self->schedule, WAITS_FOR_CONDITION, condition);
    csio_run_wake_all(csio_self->schedule, WAITS_WITH_LIMIT, condition);
}

// --- Threads and time ----------------------------------------------------------------------------

struct handle {
    void *real;
    struct thread *thread;
};

void *csio_thread_start(void (*body)(void *), void *context) {
    struct handle *handle = malloc(sizeof *handle);
    if (!handle) return 0;
    handle->thread = 0;
    if (csio_self) {
        handle->thread = csio_run_add(csio_self->schedule, body, context);
        handle->real = 0;
    } else {
        handle->real = real_thread_start(body, context);
    }
    if (!handle->thread && !handle->real) {
        free(handle);
        return 0;
    }
    if (csio_self) csio_run_step(7);
    return handle;
}

void csio_thread_join(void *argument) {
    struct handle *handle = argument;
    if (!handle->thread) {
        real_thread_join(handle->real);
    } else {
        // The run joins the real thread at its end.
        if (!csio_self) abort();
        while (handle->thread->state != ENDED)
            csio_run_block(WAITS_FOR_THREAD, handle->thread, "waits for a thread");
    }
    free(handle);
}

void csio_thread_detach(void *argument) {
    struct handle *handle = argument;
    if (!handle->thread) real_thread_detach(handle->real);
    free(handle);
}

void csio_yield(void) {
    if (!csio_self) {
        real_yield();
        return;
    }
    csio_run_step(8);
    csio_schedule_t *schedule = csio_self->schedule;
    uint32_t others = csio_run_threads(schedule, 1u << RUNNABLE, csio_self->number);
    if (!others) return;
    // In turns, so that whoever it waits for comes to run.
    uint32_t above = csio_self->number == 31 ? 0 : others >> (csio_self->number + 1) << (csio_self->number + 1);
    csio_run_hand_on((uint32_t)__builtin_ctz(above ? above : others), "yields");
}

void csio_sleep(uint64_t nanoseconds) {
    if (!csio_self) {
        real_sleep(nanoseconds);
        return;
    }
    csio_run_step(9);
    csio_self->deadline = csio_self->schedule->now + nanoseconds;
    csio_run_block(SLEEPS, 0, "sleeps");
}

uint64_t csio_now(void) { return csio_self ? csio_self->schedule->now : real_now(); }

uint64_t csio_thread_hint(void) { return csio_self ? csio_self->number + 1 : real_thread_hint(); }

void csio_random_bytes(void *buffer, size_t count) {
    if (!csio_self) {
        real_random_bytes(buffer, count);
        return;
    }
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(csio_run_random(&csio_self->schedule->entropy) >> 32);
}

#else
// A translation unit must hold something.
typedef int csio_no_scheduled_threads_t;
#endif
