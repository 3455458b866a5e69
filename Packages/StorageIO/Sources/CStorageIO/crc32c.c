// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected 0x82F63B78; RFC 3720, appendix B.4 has
// test vectors): by the CPU's instruction where there is one, else by tables, eight bytes a step
// (M. E. Kounavis and F. L. Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005).
//
// The instruction takes three cycles but starts one a cycle. So three streams run side by side over
// thirds of the input and are joined by one carry-less multiplication each (V. Gopal et al., "Fast
// CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel, 2011), which takes a page of
// 4 KiB in a third of the time.
#include "CStorageIO.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    polynomial = (int)0x82F63B78u,
    // A page without its checksum is 4092 bytes: one round of three streams of this many words.
    longest_stream = 170,
    // Below, the join costs more than it wins.
    shortest_stream = 4,
};

static uint32_t tables[8][256];
// powers[w] is x to the power 64 w - 33 modulo the polynomial: what moves a checksum over w words,
// less the 33 that a multiplication of reflected numbers and the instruction put in themselves.
static uint32_t powers[2 * longest_stream + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t times_x(uint32_t value) {
    return (value >> 1) ^ (value & 1 ? (uint32_t)polynomial : 0);
}

static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = times_x(crc);
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int step = 1; step < 8; step++)
            tables[step][byte] =
                (tables[step - 1][byte] >> 8) ^ tables[0][tables[step - 1][byte] & 255];
    uint32_t power = 0x80000000u;  // x to the power 0, reflected
    for (int exponent = 1; exponent <= 31; exponent++) power = times_x(power);
    for (int words = 1; words <= 2 * longest_stream; words++) {
        powers[words] = power;
        for (int bit = 0; bit < 64; bit++) power = times_x(power);
    }
}

uint32_t csio_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    pthread_once(&once, make_tables);
    const unsigned char *p = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                              (uint32_t)p[3] << 24);
        crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^
              tables[4][low >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^
              tables[0][p[7]];
        p += 8;
        count -= 8;
    }
    while (count--) crc = (crc >> 8) ^ tables[0][(crc ^ *p++) & 255];
    return ~crc;
}

// Each platform names its instruction: `crc_word` and `crc_byte` continue a checksum, `multiply` is
// the carry-less product of two 32-bit numbers; and says what the CPU has.
#if defined(__x86_64__)
#define HAS_INSTRUCTION 1
#include <immintrin.h>
#define SIMPLE_TARGET __attribute__((target("sse4.2")))
#define JOINED_TARGET __attribute__((target("sse4.2,pclmul")))
#define crc_word(crc, word) _mm_crc32_u64(crc, word)
#define crc_byte(crc, byte) _mm_crc32_u8((uint32_t)(crc), byte)

JOINED_TARGET static inline uint64_t multiply(uint64_t a, uint64_t b) {
    __m128i product = _mm_clmulepi64_si128(
        _mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

static int cpu_has_crc(void) { return __builtin_cpu_supports("sse4.2") != 0; }
static int cpu_has_multiply(void) { return __builtin_cpu_supports("pclmul") != 0; }

#elif defined(__aarch64__) && (defined(__linux__) || defined(__ARM_FEATURE_CRC32))
#define HAS_INSTRUCTION 1
#include <arm_acle.h>
#include <arm_neon.h>
#define SIMPLE_TARGET __attribute__((target("crc")))
#define JOINED_TARGET __attribute__((target("crc,aes")))
#define crc_word(crc, word) __crc32cd((uint32_t)(crc), word)
#define crc_byte(crc, byte) __crc32cb((uint32_t)(crc), byte)

JOINED_TARGET static inline uint64_t multiply(uint64_t a, uint64_t b) {
    return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64((poly64_t)a, (poly64_t)b)), 0);
}

#if defined(__linux__)
#include <sys/auxv.h>
// HWCAP_CRC32 and HWCAP_PMULL of the kernel's interface, which not every libc's header has.
static int cpu_has_crc(void) { return (getauxval(AT_HWCAP) >> 7 & 1) != 0; }
static int cpu_has_multiply(void) { return (getauxval(AT_HWCAP) >> 4 & 1) != 0; }
#else
// Every 64-bit Apple processor that the compiler assumes the one for has the other.
static int cpu_has_crc(void) { return 1; }
static int cpu_has_multiply(void) { return 1; }
#endif
#endif

typedef uint32_t (*crc_function)(uint32_t, const void *, size_t);

#if defined(HAS_INSTRUCTION)
static inline uint64_t word_at(const unsigned char *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

SIMPLE_TARGET static uint32_t crc_simple(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
    uint64_t state = (uint32_t)~crc;
    for (; count >= 8; p += 8, count -= 8) state = crc_word(state, word_at(p));
    while (count--) state = crc_byte(state, *p++);
    return ~(uint32_t)state;
}

JOINED_TARGET static uint32_t crc_joined(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
    uint64_t state = (uint32_t)~crc;
    while (count >= 3 * 8 * shortest_stream) {
        size_t words = count / 24;
        if (words > longest_stream) words = longest_stream;
        size_t stream = words * 8;
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < stream; i += 8) {
            state = crc_word(state, word_at(p + i));
            second = crc_word(second, word_at(p + stream + i));
            third = crc_word(third, word_at(p + 2 * stream + i));
        }
        uint64_t moved = multiply(state, powers[2 * words]) ^ multiply(second, powers[words]);
        state = crc_word(0, moved) ^ third;
        p += 3 * stream;
        count -= 3 * stream;
    }
    for (; count >= 8; p += 8, count -= 8) state = crc_word(state, word_at(p));
    while (count--) state = crc_byte(state, *p++);
    return ~(uint32_t)state;
}

static crc_function best_function(void) {
    if (!cpu_has_crc()) return csio_crc32c_portable;
    return cpu_has_multiply() ? crc_joined : crc_simple;
}
#else
static crc_function best_function(void) { return csio_crc32c_portable; }
#endif

static uint32_t choose(uint32_t crc, const void *bytes, size_t count);

// What the CPU has is asked once; after that a call costs one load more than a direct one. The
// release pairs with the acquire below: who sees the choice sees the tables.
static _Atomic(crc_function) chosen = choose;

static uint32_t choose(uint32_t crc, const void *bytes, size_t count) {
    pthread_once(&once, make_tables);
    crc_function function = best_function();
    atomic_store_explicit(&chosen, function, memory_order_release);
    return function(crc, bytes, count);
}

uint32_t csio_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return atomic_load_explicit(&chosen, memory_order_acquire)(crc, bytes, count);
}
