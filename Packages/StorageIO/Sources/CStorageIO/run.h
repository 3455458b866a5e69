// What the files of the scheduler share: the state of a run (schedules.c), and its hand in the locks
// and threads of CStorageIO.h (scheduled_threads.c).
#ifndef CSTORAGEIO_RUN_H
#define CSTORAGEIO_RUN_H

#include "CStorageIO.h"

#include <pthread.h>

// --- What threads.c has under other names --------------------------------------------------------

struct real_lock_s;
struct real_condition_s;
struct real_lock_s *real_lock_create(void);
void real_lock_destroy(struct real_lock_s *lock);
void real_lock_acquire(struct real_lock_s *lock);
int real_lock_try(struct real_lock_s *lock);
void real_lock_release(struct real_lock_s *lock);
struct real_condition_s *real_condition_create(void);
void real_condition_destroy(struct real_condition_s *condition);
void real_condition_wait(struct real_condition_s *condition, struct real_lock_s *lock);
int real_condition_wait_for(
    struct real_condition_s *condition, struct real_lock_s *lock, uint64_t nanoseconds);
void real_condition_signal(struct real_condition_s *condition);
void real_condition_broadcast(struct real_condition_s *condition);
void *real_thread_start(void (*body)(void *), void *context);
void real_thread_join(void *thread);
void real_thread_detach(void *thread);
void real_yield(void);
void real_sleep(uint64_t nanoseconds);
uint64_t real_now(void);
uint64_t real_thread_hint(void);
void real_random_bytes(void *buffer, size_t count);

// --- A run ---------------------------------------------------------------------------------------

enum { THREAD_LIMIT = 32, SWITCH_RECORDS = 256 };

enum state {
    RUNNABLE,
    WAITS_FOR_LOCK,
    WAITS_FOR_CONDITION,
    WAITS_WITH_LIMIT,  // for a condition, until `deadline`
    SLEEPS,            // until `deadline`
    WAITS_FOR_THREAD,
    ENDED,
};

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int is_open;
};

struct thread {
    csio_schedule_t *schedule;
    uint32_t number;
    enum state state;
    const void *waits_on;
    uint64_t deadline;
    int is_timed_out;
    const char *name;
    const char *file;
    uint32_t line;
    void (*body)(void *);
    void *context;
    void *real;
    struct gate gate;
};

struct record {
    uint32_t step, from, to;
    const char *why;
    const char *file;
    uint32_t line;
};

struct csio_schedule_s {
    csio_schedule_plan_t plan;
    size_t next_switch;
    struct thread *threads[THREAD_LIMIT];
    uint32_t thread_count;
    uint32_t steps;      // those at which the plan may switch
    uint32_t all_steps;
    uint32_t preemptions;
    uint64_t hash;
    uint64_t random;
    uint64_t entropy;
    uint64_t now;
    int is_paused;
    int outcome;
    uint32_t record_count;
    struct record records[SWITCH_RECORDS];
    struct gate ended;
};

struct csio_lock_s {
    struct real_lock_s *real;
    struct thread *owner;  // of a run; only set and read by its current thread
};
struct csio_condition_s {
    struct real_condition_s *real;
};

/// The thread of a run that calls; NULL in any other thread.
extern _Thread_local struct thread *csio_self;

/// A step of the current thread, of a kind: the plan may take the processor away before it.
void csio_run_step(uint32_t place);
/// Puts the current thread into a state in which it can't go on, until someone wakes it.
void csio_run_block(enum state state, const void *on, const char *why);
/// Hands the processor to `to` and waits to get it back.
void csio_run_hand_on(uint32_t to, const char *why);
/// The threads other than `but` whose bit is in `states` (1 << state).
uint32_t csio_run_threads(const csio_schedule_t *schedule, uint32_t states, uint32_t but);
/// One of a set that is not empty, by the plan's order.
uint32_t csio_run_choose(csio_schedule_t *schedule, uint32_t set);
/// Lets everyone go on who waits like this for that.
void csio_run_wake_all(csio_schedule_t *schedule, enum state state, const void *on);
/// Adds a thread to the run; NULL when there is no room.
struct thread *csio_run_add(csio_schedule_t *schedule, void (*body)(void *), void *context);
uint64_t csio_run_random(uint64_t *state);

#endif
