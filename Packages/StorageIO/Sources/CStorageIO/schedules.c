// The scheduler of Schedules.h, and the locks, threads and clock of CStorageIO.h under it. Built
// only with KVDB_SCHEDULES=1; threads.c then has its functions under other names (real_threads.h).
//
// Exactly one thread of a run is current, and only that one touches the run: so nothing here needs
// a lock, and the hand-over (a flag under a mutex) orders it all.
#define _GNU_SOURCE
#include "CStorageIO.h"

#ifdef KVDB_SCHEDULES

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const state_names[] = {
    "can go on",      "waits for a lock",   "waits for a condition", "waits for a condition, limited",
    "sleeps",         "waits for a thread", "has ended",
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
    uint32_t steps;
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

static _Thread_local struct thread *self;

static void gate_init(struct gate *gate) {
    pthread_mutex_init(&gate->mutex, 0);
    pthread_cond_init(&gate->changed, 0);
    gate->is_open = 0;
}
static void gate_destroy(struct gate *gate) {
    pthread_mutex_destroy(&gate->mutex);
    pthread_cond_destroy(&gate->changed);
}
static void gate_open(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    gate->is_open = 1;
    pthread_cond_signal(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}
static void gate_pass(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    while (!gate->is_open) pthread_cond_wait(&gate->changed, &gate->mutex);
    gate->is_open = 0;
    pthread_mutex_unlock(&gate->mutex);
}

static uint64_t next_random(uint64_t *state) {
    // SplitMix64 (Steele, Lea and Flood, 2014).
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void mix(csio_schedule_t *schedule, uint64_t value) {
    schedule->hash = (schedule->hash ^ value) * 0x100000001b3u;
    schedule->hash ^= schedule->hash >> 29;
}

// --- Choosing and handing on ---------------------------------------------------------------------

/// The threads other than `but` whose bit is in `states` (1 << state).
static uint32_t threads_in(const csio_schedule_t *schedule, uint32_t states, uint32_t but) {
    uint32_t set = 0;
    for (uint32_t i = 0; i < schedule->thread_count; i++)
        if (i != but && (states >> schedule->threads[i]->state & 1)) set |= 1u << i;
    return set;
}

/// One of a set that is not empty, by the plan's order.
static uint32_t choose(csio_schedule_t *schedule, uint32_t set) {
    switch (schedule->plan.order) {
    case CSIO_ORDER_FIRST: return (uint32_t)__builtin_ctz(set);
    case CSIO_ORDER_LAST: return 31 - (uint32_t)__builtin_clz(set);
    default: {
        uint32_t skip = (uint32_t)(
            next_random(&schedule->random) % (uint32_t)__builtin_popcount(set));
        while (skip-- > 0) set &= set - 1;
        return (uint32_t)__builtin_ctz(set);
    }
    }
}

static void wake(struct thread *thread) {
    csio_schedule_t *schedule = thread->schedule;
    if (thread->state == WAITS_WITH_LIMIT || thread->state == SLEEPS) {
        thread->is_timed_out = 1;
        if (thread->deadline > schedule->now) schedule->now = thread->deadline;
    }
    thread->state = RUNNABLE;
}

static void record(csio_schedule_t *schedule, uint32_t to, const char *why) {
    struct record *entry = &schedule->records[schedule->record_count++ % SWITCH_RECORDS];
    *entry = (struct record){schedule->steps, self->number, to, why, self->file, self->line};
    mix(schedule, (uint64_t)to << 32 | schedule->steps);
}

/// Hands the processor to `to` and waits to get it back.
static void hand_on(uint32_t to, const char *why) {
    struct thread *me = self;
    if (to == me->number) return;
    record(me->schedule, to, why);
    gate_open(&me->schedule->threads[to]->gate);
    gate_pass(&me->gate);
}

/// Ends the run as a finding. The calling thread stays here; the others where they are.
static void give_up(int outcome) {
    self->schedule->outcome = outcome;
    gate_open(&self->schedule->ended);
    gate_pass(&self->gate);
}

/// The next thread when the current one can't go on.
static uint32_t next_thread(csio_schedule_t *schedule) {
    uint32_t set = threads_in(schedule, 1u << RUNNABLE, UINT32_MAX);
    if (set) return choose(schedule, set);
    struct thread *earliest = 0;
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        struct thread *thread = schedule->threads[i];
        if ((thread->state == WAITS_WITH_LIMIT || thread->state == SLEEPS)
            && (!earliest || thread->deadline < earliest->deadline))
            earliest = thread;
    }
    if (!earliest) return UINT32_MAX;
    wake(earliest);
    return earliest->number;
}

/// Puts the current thread into a state in which it can't go on, until someone wakes it.
static void block(enum state state, const void *on, const char *why) {
    struct thread *me = self;
    me->state = state;
    me->waits_on = on;
    me->is_timed_out = 0;
    uint32_t next = next_thread(me->schedule);
    if (next == UINT32_MAX) give_up(CSIO_SCHEDULE_DEADLOCK);
    hand_on(next, why);
    me->waits_on = 0;
}

/// A step of the current thread: the plan may take the processor away before it.
static void step(uint32_t place) {
    struct thread *me = self;
    csio_schedule_t *schedule = me->schedule;
    if (schedule->is_paused) return;
    uint32_t number = ++schedule->steps;
    mix(schedule, (uint64_t)me->number << 32 | place);
    if (number > schedule->plan.step_limit) give_up(CSIO_SCHEDULE_LIVELOCK);
    const uint32_t states = 1u << RUNNABLE | 1u << WAITS_FOR_CONDITION | 1u << WAITS_WITH_LIMIT
        | 1u << SLEEPS;
    if (schedule->plan.choices)
        schedule->plan.choices[number] = threads_in(schedule, states, me->number);
    const csio_schedule_plan_t *plan = &schedule->plan;
    while (schedule->next_switch < plan->switch_count
           && plan->switches[schedule->next_switch].step < number)
        schedule->next_switch++;
    if (schedule->next_switch == plan->switch_count
        || plan->switches[schedule->next_switch].step != number)
        return;
    uint32_t to = plan->switches[schedule->next_switch++].thread;
    uint32_t set = threads_in(schedule, states, me->number);
    if (to == CSIO_ANY_THREAD) {
        // Waking someone for no reason is rarely of interest.
        uint32_t likely = threads_in(schedule, 1u << RUNNABLE, me->number);
        uint64_t dice = next_random(&schedule->random);
        if (likely && dice % 8 != 0) set = likely;
        if (!set) return;
        uint32_t skip = (uint32_t)((dice >> 8) % (uint32_t)__builtin_popcount(set));
        while (skip-- > 0) set &= set - 1;
        to = (uint32_t)__builtin_ctz(set);
    } else if (to >= THREAD_LIMIT || !(set >> to & 1)) {
        return;
    }
    schedule->preemptions++;
    if (schedule->threads[to]->state != RUNNABLE) wake(schedule->threads[to]);
    hand_on(to, "is preempted");
}

static void wake_all(csio_schedule_t *schedule, enum state state, const void *on) {
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        struct thread *thread = schedule->threads[i];
        if (thread->state == state && thread->waits_on == on) thread->state = RUNNABLE;
    }
}

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
    size_t count = csio_schedule_describe(self->schedule, text, sizeof text);
    fprintf(stderr, "%s, in thread %u.\n%.*s\n", what, self->number, (int)count, text);
    abort();
}

void csio_lock_destroy(csio_lock_t *lock) {
    if (self && lock->owner) die("A lock is destroyed while it is held");
    real_lock_destroy(lock->real);
    free(lock);
}

static void take(csio_lock_t *lock) {
    while (lock->owner) block(WAITS_FOR_LOCK, lock, "waits for a lock");
    lock->owner = self;
}

static void give_back(csio_lock_t *lock) {
    if (lock->owner != self) die("A lock is released that the thread does not hold");
    lock->owner = 0;
    wake_all(self->schedule, WAITS_FOR_LOCK, lock);
}

void csio_lock_acquire(csio_lock_t *lock) {
    if (!self) {
        real_lock_acquire(lock->real);
        return;
    }
    step(1);
    take(lock);
}
int csio_lock_try(csio_lock_t *lock) {
    if (!self) return real_lock_try(lock->real);
    step(2);
    if (lock->owner) return 0;
    lock->owner = self;
    return 1;
}
void csio_lock_release(csio_lock_t *lock) {
    if (self)
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
    if (!self) {
        real_condition_wait(condition->real, lock->real);
        return;
    }
    step(3);
    give_back(lock);
    block(WAITS_FOR_CONDITION, condition, "waits for a condition");
    take(lock);
}
int csio_condition_wait_for(csio_condition_t *condition, csio_lock_t *lock, uint64_t nanoseconds) {
    if (!self) return real_condition_wait_for(condition->real, lock->real, nanoseconds);
    step(4);
    give_back(lock);
    uint64_t now = self->schedule->now;
    self->deadline = now + nanoseconds < now ? UINT64_MAX : now + nanoseconds;
    block(WAITS_WITH_LIMIT, condition, "waits for a condition, limited");
    int is_timed_out = self->is_timed_out;
    take(lock);
    return !is_timed_out;
}
void csio_condition_signal(csio_condition_t *condition) {
    if (!self) {
        real_condition_signal(condition->real);
        return;
    }
    step(5);
    csio_schedule_t *schedule = self->schedule;
    uint32_t set = threads_in(
        schedule, 1u << WAITS_FOR_CONDITION | 1u << WAITS_WITH_LIMIT, self->number);
    for (uint32_t i = 0; i < schedule->thread_count; i++)
        if (schedule->threads[i]->waits_on != condition) set &= ~(1u << i);
    if (set) schedule->threads[choose(schedule, set)]->state = RUNNABLE;
}
void csio_condition_broadcast(csio_condition_t *condition) {
    if (!self) {
        real_condition_broadcast(condition->real);
        return;
    }
    step(6);
    wake_all(self->schedule, WAITS_FOR_CONDITION, condition);
    wake_all(self->schedule, WAITS_WITH_LIMIT, condition);
}

// --- Threads and time ----------------------------------------------------------------------------

struct handle {
    void *real;
    struct thread *thread;
};

static void end_thread(void) {
    struct thread *me = self;
    csio_schedule_t *schedule = me->schedule;
    me->state = ENDED;
    wake_all(schedule, WAITS_FOR_THREAD, me);
    uint32_t next = next_thread(schedule);
    if (next != UINT32_MAX) {
        record(schedule, next, "ends");
        gate_open(&schedule->threads[next]->gate);
        return;
    }
    for (uint32_t i = 0; i < schedule->thread_count; i++)
        if (schedule->threads[i]->state != ENDED) schedule->outcome = CSIO_SCHEDULE_DEADLOCK;
    gate_open(&schedule->ended);
}

static void run_thread(void *argument) {
    self = argument;
    gate_pass(&self->gate);
    self->body(self->context);
    end_thread();
    self = 0;
}

static struct thread *add_thread(
    csio_schedule_t *schedule, void (*body)(void *), void *context) {
    if (schedule->thread_count == THREAD_LIMIT) return 0;
    struct thread *thread = calloc(1, sizeof *thread);
    if (!thread) abort();
    thread->schedule = schedule;
    thread->number = schedule->thread_count;
    thread->body = body;
    thread->context = context;
    thread->state = RUNNABLE;
    gate_init(&thread->gate);
    thread->real = real_thread_start(run_thread, thread);
    if (!thread->real) {
        gate_destroy(&thread->gate);
        free(thread);
        return 0;
    }
    schedule->threads[schedule->thread_count++] = thread;
    return thread;
}

void *csio_thread_start(void (*body)(void *), void *context) {
    struct handle *handle = malloc(sizeof *handle);
    if (!handle) return 0;
    handle->thread = 0;
    if (self) {
        handle->thread = add_thread(self->schedule, body, context);
        handle->real = 0;
    } else {
        handle->real = real_thread_start(body, context);
    }
    if (!handle->thread && !handle->real) {
        free(handle);
        return 0;
    }
    if (self) step(7);
    return handle;
}

void csio_thread_join(void *argument) {
    struct handle *handle = argument;
    if (!handle->thread) {
        real_thread_join(handle->real);
    } else {
        // The run joins the real thread at its end.
        if (!self) abort();
        while (handle->thread->state != ENDED)
            block(WAITS_FOR_THREAD, handle->thread, "waits for a thread");
    }
    free(handle);
}

void csio_yield(void) {
    if (!self) {
        real_yield();
        return;
    }
    step(8);
    csio_schedule_t *schedule = self->schedule;
    uint32_t others = threads_in(schedule, 1u << RUNNABLE, self->number);
    if (!others) return;
    // In turns, so that whoever it waits for comes to run.
    uint32_t above = self->number == 31 ? 0 : others >> (self->number + 1) << (self->number + 1);
    hand_on((uint32_t)__builtin_ctz(above ? above : others), "yields");
}

void csio_sleep(uint64_t nanoseconds) {
    if (!self) {
        real_sleep(nanoseconds);
        return;
    }
    step(9);
    self->deadline = self->schedule->now + nanoseconds;
    block(SLEEPS, 0, "sleeps");
}

uint64_t csio_now(void) { return self ? self->schedule->now : real_now(); }

uint64_t csio_thread_hint(void) { return self ? self->number + 1 : real_thread_hint(); }

void csio_random_bytes(void *buffer, size_t count) {
    if (!self) {
        real_random_bytes(buffer, count);
        return;
    }
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(next_random(&self->schedule->entropy) >> 32);
}

// --- Runs from outside ---------------------------------------------------------------------------

csio_schedule_t *csio_schedule_run(
    const csio_schedule_plan_t *plan, void (*body)(void *), void *context) {
    csio_schedule_t *schedule = calloc(1, sizeof *schedule);
    if (!schedule || self) abort();
    schedule->plan = *plan;
    schedule->random = plan->seed;
    schedule->now = 1000000000u;
    gate_init(&schedule->ended);
    struct thread *first = add_thread(schedule, body, context);
    if (!first) abort();
    gate_open(&first->gate);
    gate_pass(&schedule->ended);
    if (schedule->outcome == CSIO_SCHEDULE_ENDED) {
        for (uint32_t i = 0; i < schedule->thread_count; i++)
            real_thread_join(schedule->threads[i]->real);
    }
    return schedule;
}

int csio_schedule_outcome(const csio_schedule_t *schedule) { return schedule->outcome; }
uint32_t csio_schedule_steps(const csio_schedule_t *schedule) { return schedule->steps; }
uint32_t csio_schedule_preemptions(const csio_schedule_t *schedule) {
    return schedule->preemptions;
}
uint64_t csio_schedule_hash(const csio_schedule_t *schedule) { return schedule->hash; }

__attribute__((format(printf, 4, 5))) static size_t print(
    char *buffer, size_t count, size_t used, const char *format, ...) {
    if (used + 1 >= count) return used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer + used, count - used, format, arguments);
    va_end(arguments);
    size_t wanted = length < 0 ? 0 : (size_t)length;
    return wanted < count - used ? used + wanted : count - 1;
}

size_t csio_schedule_describe(const csio_schedule_t *schedule, char *buffer, size_t count) {
    size_t used = 0;
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        const struct thread *thread = schedule->threads[i];
        used = print(
            buffer, count, used, "thread %u (%s) %s", i, thread->name ? thread->name : "database",
            state_names[thread->state]);
        if (thread->state == WAITS_FOR_LOCK) {
            const struct thread *owner = ((const csio_lock_t *)thread->waits_on)->owner;
            if (owner) used = print(buffer, count, used, " of thread %u", owner->number);
        }
        if (thread->file)
            used = print(
                buffer, count, used, ", last seen at %s:%u", thread->file, thread->line);
        used = print(buffer, count, used, "\n");
    }
    uint32_t shown = schedule->record_count < 48 ? schedule->record_count : 48;
    for (uint32_t i = schedule->record_count - shown; i < schedule->record_count; i++) {
        const struct record *entry = &schedule->records[i % SWITCH_RECORDS];
        used = print(
            buffer, count, used, "step %u: thread %u %s", entry->step, entry->from, entry->why);
        if (entry->file)
            used = print(buffer, count, used, " after %s:%u", entry->file, entry->line);
        used = print(buffer, count, used, "; thread %u goes on\n", entry->to);
    }
    return used;
}

void csio_schedule_free(csio_schedule_t *schedule) {
    if (schedule->outcome != CSIO_SCHEDULE_ENDED) return;
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        gate_destroy(&schedule->threads[i]->gate);
        free(schedule->threads[i]);
    }
    gate_destroy(&schedule->ended);
    free(schedule);
}

void csio_schedule_point(const char *file, uint32_t line) {
    if (!self) return;
    self->file = file;
    self->line = line;
    step(line << 4);
}

void csio_schedule_name(const char *name) {
    if (self) self->name = name;
}

void csio_schedule_pause(int is_paused) {
    if (self) self->schedule->is_paused = is_paused;
}

#else
// A translation unit must hold something.
typedef int csio_no_schedules_t;
#endif
