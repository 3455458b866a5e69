// Runs of threads one at a time, in the order of a plan: Schedules.h. Built only with
// KVDB_SCHEDULES=1.
//
// Exactly one thread of a run is current, and only that one touches the run: so nothing here needs
// a lock, and the hand-over (a flag under a mutex) orders it all.
#ifdef KVDB_SCHEDULES

#include "run.h"

#include <stdlib.h>
#include <string.h>

_Thread_local struct thread *csio_self;

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

uint64_t csio_run_random(uint64_t *state) {
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
uint32_t csio_run_threads(const csio_schedule_t *schedule, uint32_t states, uint32_t but) {
    uint32_t set = 0;
    for (uint32_t i = 0; i < schedule->thread_count; i++)
        if (i != but && (states >> schedule->threads[i]->state & 1)) set |= 1u << i;
    return set;
}

/// One of a set that is not empty, by the plan's order.
uint32_t csio_run_choose(csio_schedule_t *schedule, uint32_t set) {
    switch (schedule->plan.order) {
    case CSIO_ORDER_FIRST: return (uint32_t)__builtin_ctz(set);
    case CSIO_ORDER_LAST: return 31 - (uint32_t)__builtin_clz(set);
    default: {
        uint32_t skip = (uint32_t)(
            csio_run_random(&schedule->random) % (uint32_t)__builtin_popcount(set));
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
    *entry = (struct record){schedule->steps, csio_self->number, to, why, csio_self->file, csio_self->line};
    mix(schedule, (uint64_t)to << 32 | schedule->steps);
}

/// Hands the processor to `to` and waits to get it back.
void csio_run_hand_on(uint32_t to, const char *why) {
    struct thread *me = csio_self;
    if (to == me->number) return;
    record(me->schedule, to, why);
    gate_open(&me->schedule->threads[to]->gate);
    gate_pass(&me->gate);
}

/// Ends the run as a finding. The calling thread stays here; the others where they are.
static void give_up(int outcome) {
    csio_self->schedule->outcome = outcome;
    gate_open(&csio_self->schedule->ended);
    gate_pass(&csio_self->gate);
}

/// The next thread when the current one can't go on.
static uint32_t next_thread(csio_schedule_t *schedule) {
    uint32_t set = csio_run_threads(schedule, 1u << RUNNABLE, UINT32_MAX);
    if (set) return csio_run_choose(schedule, set);
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
void csio_run_block(enum state state, const void *on, const char *why) {
    struct thread *me = csio_self;
    me->state = state;
    me->waits_on = on;
    me->is_timed_out = 0;
    uint32_t next = next_thread(me->schedule);
    if (next == UINT32_MAX) give_up(CSIO_SCHEDULE_DEADLOCK);
    csio_run_hand_on(next, why);
    me->waits_on = 0;
}

/// A step of the current thread: the plan may take the processor away before it, if it is in focus.
static void step(uint32_t place, int is_in_focus) {
    struct thread *me = csio_self;
    csio_schedule_t *schedule = me->schedule;
    if (schedule->is_paused) return;
    mix(schedule, (uint64_t)me->number << 32 | place);
    if (++schedule->all_steps > schedule->plan.step_limit) give_up(CSIO_SCHEDULE_LIVELOCK);
    if (!is_in_focus) return;
    uint32_t number = ++schedule->steps;
    const uint32_t states = 1u << RUNNABLE | 1u << WAITS_FOR_CONDITION | 1u << WAITS_WITH_LIMIT
        | 1u << SLEEPS;
    if (schedule->plan.choices)
        schedule->plan.choices[number] = csio_run_threads(schedule, states, me->number);
    const csio_schedule_plan_t *plan = &schedule->plan;
    if (schedule->next_switch == plan->switch_count) return;
    csio_switch_t due = plan->switches[schedule->next_switch];
    if (due.step > number) return;
    uint32_t to = due.thread;
    uint32_t set = csio_run_threads(schedule, states, me->number);
    if (to == CSIO_ANY_THREAD) {
        if (!set) return;  // at the next step that has a choice
        // Waking someone for no reason is rarely of interest.
        uint32_t likely = csio_run_threads(schedule, 1u << RUNNABLE, me->number);
        uint64_t dice = csio_run_random(&schedule->random);
        if (likely && dice % 8 != 0) set = likely;
        uint32_t skip = (uint32_t)((dice >> 8) % (uint32_t)__builtin_popcount(set));
        while (skip-- > 0) set &= set - 1;
        to = (uint32_t)__builtin_ctz(set);
        schedule->next_switch++;
    } else {
        schedule->next_switch++;
        if (due.step != number || to >= THREAD_LIMIT || !(set >> to & 1)) return;
    }
    schedule->preemptions++;
    if (schedule->threads[to]->state != RUNNABLE) wake(schedule->threads[to]);
    csio_run_hand_on(to, "is preempted");
}

void csio_run_step(uint32_t place) { step(place, !csio_self->schedule->plan.focus); }

void csio_run_wake_all(csio_schedule_t *schedule, enum state state, const void *on) {
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        struct thread *thread = schedule->threads[i];
        if (thread->state == state && thread->waits_on == on) thread->state = RUNNABLE;
    }
}

// --- Threads ---

static void end_thread(void) {
    struct thread *me = csio_self;
    csio_schedule_t *schedule = me->schedule;
    me->state = ENDED;
    csio_run_wake_all(schedule, WAITS_FOR_THREAD, me);
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
    csio_self = argument;
    gate_pass(&csio_self->gate);
    csio_self->body(csio_self->context);
    end_thread();
    csio_self = 0;
}

struct thread *csio_run_add(
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

// --- Runs from outside ---------------------------------------------------------------------------

csio_schedule_t *csio_schedule_run(
    const csio_schedule_plan_t *plan, void (*body)(void *), void *context) {
    csio_schedule_t *schedule = calloc(1, sizeof *schedule);
    if (!schedule || csio_self) abort();
    schedule->plan = *plan;
    schedule->random = plan->seed;
    schedule->now = 1000000000u;
    gate_init(&schedule->ended);
    struct thread *first = csio_run_add(schedule, body, context);
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

void csio_schedule_free(csio_schedule_t *schedule) {
    if (schedule->outcome != CSIO_SCHEDULE_ENDED) return;
    for (uint32_t i = 0; i < schedule->thread_count; i++) {
        gate_destroy(&schedule->threads[i]->gate);
        free(schedule->threads[i]);
    }
    gate_destroy(&schedule->ended);
    free(schedule);
}

/// Whether `file` is one of the names in `focus`.
static int is_in_focus(const char *focus, const char *file) {
    size_t length = strlen(file);
    for (const char *at = focus; (at = strstr(at, file)); at += length)
        if ((at == focus || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
    return 0;
}

void csio_schedule_point(const char *file, uint32_t line) {
    if (!csio_self) return;
    csio_self->file = file;
    csio_self->line = line;
    const char *focus = csio_self->schedule->plan.focus;
    step(line << 4, !focus || is_in_focus(focus, file));
}

void csio_schedule_name(const char *name) {
    if (csio_self) csio_self->name = name;
}

void csio_schedule_pause(int is_paused) {
    if (csio_self) csio_self->schedule->is_paused = is_paused;
}

#else
// A translation unit must hold something.
typedef int csio_no_schedules_t;
#endif
