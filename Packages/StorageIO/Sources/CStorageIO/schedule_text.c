// A run as text. Built only with KVDB_SCHEDULES=1.
#ifdef KVDB_SCHEDULES

#include "run.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const state_names[] = {
    "can go on",      "waits for a lock",   "waits for a condition", "waits for a condition, limited",
    "sleeps",         "waits for a thread", "has ended",
};

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

#else
// A translation unit must hold something.
typedef int csio_no_schedule_text_t;
#endif
