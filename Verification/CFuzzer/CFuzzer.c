// The declarations are all there is; the functions are in the toolchain's libclang_rt.fuzzer_no_main.
#include "CFuzzer.h"
