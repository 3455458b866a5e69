// libFuzzer as a library (libclang_rt.fuzzer_no_main), which Swift has no import of.

#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Parses libFuzzer's arguments and calls `run` with one input after another. Leaves by `exit`.
int LLVMFuzzerRunDriver(int *argumentCount, char ***arguments,
                        int (*run)(const uint8_t *bytes, size_t byteCount));

#endif
