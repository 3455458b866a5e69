// Makes system calls of this process fail, by a plan. Linux only; elsewhere csf_available() is 0 and
// nothing is ever called.
//
// The calls on files are defined here once more, so that the program's own code (its C target
// included) calls these instead of the C library's. Without a plan they only pass the call on. With
// one, the calls on files under one directory are counted, and fail, are interrupted, or are cut
// short where the plan says. The plan belongs to the whole process; calls of all threads count.
#ifndef CSYSTEMFAULTS_H
#define CSYSTEMFAULTS_H

#include <stdint.h>

// Kinds of calls, bits of a mask.
enum {
    CSF_OPEN = 1,
    CSF_READ = 2,
    CSF_WRITE = 4,
    CSF_SYNC = 8,
    CSF_TRUNCATE = 16,
    CSF_ALLOCATE = 32,
    CSF_UNLINK = 64,
    CSF_RENAME = 128,
    CSF_LOCK = 256,
    CSF_CLOSE = 512,
    CSF_LINK = 1024,
    CSF_OPEN_DIRECTORY = 2048,
    CSF_SYNC_DIRECTORY = 4096,
    CSF_ALL = 8191,
};

// One call that was counted.
struct csf_call {
    int kind;
    // 0 data file, 1 log, 2 anything else.
    int target;
    // The error that it was given, 0 for none.
    int error;
    uint64_t offset;
};

// Whether calls can be made to fail here.
int csf_available(void);

// Begins a plan for the files in `directory`, counting from 0 calls, with no faults.
void csf_begin(const char *directory);
// While paused, calls are passed on and not counted. No descriptor may be open over the whole pause
// that was not open before.
void csf_pause(int paused);
// Ends it.
void csf_end(void);
// Call number `number`, counted from 1 among those of `kinds`, fails with `error`; all later too if
// `forever` is set. Of a write that fails the first half is written when `partial` is set.
void csf_fail(int kinds, uint64_t number, int error, int forever, int partial);
// Every call that may be is interrupted once before it succeeds; every read and write moves a
// drawn part of what was asked for.
void csf_disturb(int interrupt, int shorten, uint64_t seed);
// Forgets faults and disturbances; counting goes on.
void csf_clear(void);

// How many calls there were, and which; the first 65,536 are kept.
uint64_t csf_count(void);
struct csf_call csf_get(uint64_t index);
// How often a call was interrupted or cut short.
uint64_t csf_disturbances(void);

#endif
