// A cooperative scheduler for tests: real threads, of which exactly one runs at a time, handed on
// where a plan says so. Only there when built with KVDB_SCHEDULES=1 (see Package.swift); otherwise
// nothing here is defined and nothing of it is called.
//
// What it models. The body of a run and every thread that a thread of the run starts are *threads
// of the run*, numbered in the order of their start. For them the locks, conditions, threads, clock
// and entropy of CStorageIO.h are this scheduler's; all other threads of the process keep the
// system's. A thread goes on until it blocks, yields, ends, or the plan takes the processor away at
// a *step*. A step is a call that another thread's call might have come before: taking a lock,
// waiting on or waking a condition, starting a thread, and what the engine marks by schedulePoint()
// before an atomic operation. Everything between two steps is local or ordered by a lock, so to
// switch there would show nothing new.
//
// Time stands still, but where no thread can go on: then it jumps to the earliest end of a timed
// wait. A plan may also end a timed wait early in the run (the wait was shorter than what the other
// threads did), and wake a thread from a condition that nobody signalled.
//
// When no thread can go on and none waits with a limit, that is a deadlock; more steps than the
// limit is a livelock. Both end the run; its threads stay where they are for good.
//
// What it does not model: weak memory. Each step sees all that the steps before it did.
#ifndef CSTORAGEIO_SCHEDULES_H
#define CSTORAGEIO_SCHEDULES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// "Any thread that can go on", in a switch.
#define CSIO_ANY_THREAD 0xffffffffu

/// At step `step` (the first is 1) the processor goes to `thread`; nothing where it can't go on. For
/// any thread it waits for a step at which there is one.
typedef struct {
    uint32_t step;
    uint32_t thread;
} csio_switch_t;

/// Which thread comes next where the running one can't go on.
enum {
    CSIO_ORDER_FIRST = 0,   // the one with the lowest number
    CSIO_ORDER_LAST = 1,    // the one with the highest
    CSIO_ORDER_RANDOM = 2,  // any, by the seed
};

/// A schedule; the same plan and body give the same run.
typedef struct {
    const csio_switch_t *switches;  // by step, ascending
    size_t switch_count;
    uint32_t order;
    uint32_t step_limit;
    uint64_t seed;
    /// Where not NULL: only the steps that schedulePoint() marks in these files ("Module/File.swift",
    /// with a blank between two) are numbered, so only there does the plan take the processor away. A few
    /// threads then have so few steps that all their schedules with two preemptions can be run.
    const char *focus;
    /// Where not NULL: room for `step_limit + 1` numbers. Entry n becomes the set of threads (bit t
    /// for thread t) that could have taken over at step n.
    uint32_t *choices;
} csio_schedule_plan_t;

enum {
    CSIO_SCHEDULE_ENDED = 0,
    CSIO_SCHEDULE_DEADLOCK = 1,
    CSIO_SCHEDULE_LIVELOCK = 2,
};

typedef struct csio_schedule_s csio_schedule_t;

/// Runs body(context) as thread 0 of a new run, until every thread of the run has ended. Call it
/// from a thread that is in no run. Free the result.
csio_schedule_t *csio_schedule_run(
    const csio_schedule_plan_t *plan, void (*body)(void *), void *context);
int csio_schedule_outcome(const csio_schedule_t *schedule);
uint32_t csio_schedule_steps(const csio_schedule_t *schedule);
/// How many times the plan took the processor from a thread that could have gone on.
uint32_t csio_schedule_preemptions(const csio_schedule_t *schedule);
/// Of the run's steps, their places and threads in order: equal runs have equal hashes.
uint64_t csio_schedule_hash(const csio_schedule_t *schedule);
/// The last switches and where every thread is, as text; its length, cut to `count`.
size_t csio_schedule_describe(const csio_schedule_t *schedule, char *buffer, size_t count);
/// Frees a run. After a deadlock or a livelock it does nothing, since the threads still use it.
void csio_schedule_free(csio_schedule_t *schedule);

/// For threads of a run; nothing elsewhere.
void csio_schedule_point(const char *file, uint32_t line);
/// Names the calling thread; the name must stay.
void csio_schedule_name(const char *name);
/// With 1, steps are neither counted nor switched at until it is called with 0.
void csio_schedule_pause(int is_paused);

#ifdef __cplusplus
}
#endif
#endif
