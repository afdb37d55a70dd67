// SPDX-License-Identifier: Apache-2.0
// Peak rates: independent chains of one instruction, enough of them to hide its latency. The inputs
// pass through empty asm statements, so that the compiler can neither fold nor hoist the work.
#include "evaluator/harness/probe.hpp"

#include <immintrin.h>

namespace kw_probe {
namespace {

constexpr int k_chains = 12;     // latency 4-6, two a cycle
constexpr long k_rounds = 2000;  // a call takes some microseconds

/// Does k_rounds rounds; returns the operations done.
using Loop = double (*)();

#define KW_HIDE(value) asm volatile("" : "+x"(value))

double f32_sse2() {
    typedef float Vector __attribute__((vector_size(16)));
    Vector sum[k_chains] = {};
    Vector factor = {0.5F, 0.5F, 0.5F, 0.5F};
    KW_HIDE(factor);
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 12
        for (Vector& s : sum) {
            s = s * factor + factor;
        }
    }
    for (Vector& s : sum) {
        KW_HIDE(s);
    }
    return 2.0 * 4 * k_chains * k_rounds;
}

double bit_scalar() {
    unsigned long long sum[4] = {};
    unsigned long long one = 0x123456789abcdefULL;
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 4
        for (unsigned long long& s : sum) {
            asm volatile("" : "+r"(one));
            s += static_cast<unsigned long long>(__builtin_popcountll(one & s));
        }
    }
    asm volatile("" : : "r"(sum[0] + sum[1] + sum[2] + sum[3]));
    return 2.0 * 64 * 4 * k_rounds;
}

__attribute__((target("popcnt"))) double bit_popcnt() {
    unsigned long long sum[8] = {};
    unsigned long long one = 0x123456789abcdefULL;
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 8
        for (unsigned long long& s : sum) {
            unsigned long long value = one;
            asm volatile("" : "+r"(value));
            s += static_cast<unsigned long long>(__builtin_popcountll(value & one));
        }
    }
    for (unsigned long long& s : sum) {
        asm volatile("" : "+r"(s));
    }
    return 2.0 * 64 * 8 * k_rounds;
}

double i8_sse2() {
    __m128i sum[k_chains] = {};
    __m128i one = _mm_set1_epi16(3);
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 12
        for (__m128i& s : sum) {
            KW_HIDE(one);
            s = _mm_add_epi32(s, _mm_madd_epi16(one, one));
        }
    }
    for (__m128i& s : sum) {
        KW_HIDE(s);
    }
    return 2.0 * 8 * k_chains * k_rounds;
}

// One function a line of this table: KW_LOOP(name, target, type, zero, operations, statement),
// where the statement updates `s` from `one` and `two`.
#define KW_LOOP(name, isa, type, start, operations, statement) \
    __attribute__((target(isa))) double name() {               \
        type sum[k_chains];                                    \
        for (type & s : sum) {                                 \
            s = start;                                         \
        }                                                      \
        type one = start;                                      \
        type two = start;                                      \
        KW_HIDE(one);                                          \
        KW_HIDE(two);                                          \
        for (long round = 0; round < k_rounds; ++round) {      \
            _Pragma("GCC unroll 12") for (type & s : sum) {    \
                KW_HIDE(one);                                  \
                statement;                                     \
            }                                                  \
        }                                                      \
        for (type & s : sum) {                                 \
            KW_HIDE(s);                                        \
        }                                                      \
        return 1.0 * (operations)*k_chains * k_rounds;         \
    }

KW_LOOP(f32_ymm, "avx2,fma", __m256, _mm256_set1_ps(0.5F), 16, s = _mm256_fmadd_ps(s, one, two))
KW_LOOP(f32_zmm, "avx512f", __m512, _mm512_set1_ps(0.5F), 32, s = _mm512_fmadd_ps(s, one, two))
KW_LOOP(
    i8_maddubs_ymm,
    "avx2",
    __m256i,
    _mm256_set1_epi8(1),
    64,
    s = _mm256_add_epi16(s, _mm256_maddubs_epi16(one, two)))
KW_LOOP(
    i8_maddubs_zmm,
    "avx512f,avx512bw",
    __m512i,
    _mm512_set1_epi8(1),
    128,
    s = _mm512_add_epi16(s, _mm512_maddubs_epi16(one, two)))
KW_LOOP(
    i8_vnni_ymm,
    "avx512f,avx512vl,avx512vnni",
    __m256i,
    _mm256_set1_epi8(1),
    64,
    s = _mm256_dpbusd_epi32(s, one, two))
KW_LOOP(
    i8_vnni_zmm,
    "avx512f,avx512vnni",
    __m512i,
    _mm512_set1_epi8(1),
    128,
    s = _mm512_dpbusd_epi32(s, one, two))
KW_LOOP(
    i8_vex_vnni,
    "avx2,avxvnni",
    __m256i,
    _mm256_set1_epi8(1),
    64,
    s = _mm256_dpbusd_avx_epi32(s, one, two))
KW_LOOP(
    bit_zmm,
    "avx512f,avx512vpopcntdq",
    __m512i,
    _mm512_set1_epi8(1),
    1024,
    s = _mm512_add_epi64(s, _mm512_popcnt_epi64(_mm512_and_si512(one, two))))
KW_LOOP(
    bit_ymm,
    "avx512f,avx512vl,avx512vpopcntdq",
    __m256i,
    _mm256_set1_epi8(1),
    512,
    s = _mm256_add_epi64(s, _mm256_popcnt_epi64(_mm256_and_si256(one, two))))

/// Popcount of bytes by table look-up, byte sums left for later: the fewest instructions AVX2
/// needs.
__attribute__((target("avx2"))) double bit_lookup() {
    __m256i sum[4] = {};
    const __m256i table = _mm256_setr_epi8(
        0,
        1,
        1,
        2,
        1,
        2,
        2,
        3,
        1,
        2,
        2,
        3,
        2,
        3,
        3,
        4,
        0,
        1,
        1,
        2,
        1,
        2,
        2,
        3,
        1,
        2,
        2,
        3,
        2,
        3,
        3,
        4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i one = _mm256_set1_epi8(0x53);
    __m256i two = _mm256_set1_epi8(0x35);
    KW_HIDE(two);
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 4
        for (__m256i& s : sum) {
            KW_HIDE(one);
            const __m256i both = _mm256_and_si256(one, two);
            const __m256i down = _mm256_and_si256(both, low);
            const __m256i up = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
            s = _mm256_add_epi8(
                s,
                _mm256_add_epi8(_mm256_shuffle_epi8(table, down), _mm256_shuffle_epi8(table, up)));
        }
    }
    for (__m256i& s : sum) {
        KW_HIDE(s);
    }
    return 2.0 * 256 * 4 * k_rounds;
}

/// Carry-save adders (Harley-Seal): per eight vectors seven adders of five operations, and one
/// popcount that is left out here, which makes the figure an upper bound.
__attribute__((target("avx2"))) double bit_carry_save() {
    __m256i ones = _mm256_setzero_si256();
    __m256i twos = _mm256_setzero_si256();
    __m256i one = _mm256_set1_epi8(0x53);
    __m256i two = _mm256_set1_epi8(0x35);
    KW_HIDE(two);
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            KW_HIDE(one);
            const __m256i a = _mm256_and_si256(one, two);
            KW_HIDE(one);
            const __m256i b = _mm256_and_si256(one, two);
            const __m256i u = _mm256_xor_si256(a, b);
            const __m256i carry =
                _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(u, ones));
            ones = _mm256_xor_si256(u, ones);
            twos = _mm256_xor_si256(twos, carry);
        }
    }
    KW_HIDE(ones);
    KW_HIDE(twos);
    return 2.0 * 256 * 8 * k_rounds;
}

#if __GNUC__ >= 12 || defined(__clang__)
#define KW_HAS_NARROW 1
__attribute__((target("avx512f,avx512bf16"))) double bf16_zmm() {
    __m512 sum[k_chains];
    for (__m512& s : sum) {
        s = _mm512_set1_ps(0.5F);
    }
    __m512i bits = _mm512_set1_epi16(0x3f00);
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 12
        for (__m512& s : sum) {
            KW_HIDE(bits);
            s = _mm512_dpbf16_ps(
                s, reinterpret_cast<__m512bh>(bits), reinterpret_cast<__m512bh>(bits));
        }
    }
    for (__m512& s : sum) {
        KW_HIDE(s);
    }
    return 64.0 * k_chains * k_rounds;
}

__attribute__((target("avx512fp16"))) double f16_zmm() {
    __m512i bits = _mm512_set1_epi16(0x3800);
    __m512h sum[k_chains];
    for (__m512h& s : sum) {
        s = _mm512_castsi512_ph(bits);
    }
    for (long round = 0; round < k_rounds; ++round) {
#pragma GCC unroll 12
        for (__m512h& s : sum) {
            KW_HIDE(bits);
            const __m512h one = _mm512_castsi512_ph(bits);
            s = _mm512_fmadd_ph(s, one, one);
        }
    }
    for (__m512h& s : sum) {
        KW_HIDE(s);
    }
    return 64.0 * k_chains * k_rounds;
}
#endif

/// 1e9 operations a second, best of the calls that fit into `seconds`.
double peak(Loop loop, double seconds) {
    double best = 0;
    const double until = now() + seconds;
    do {
        const double start = now();
        double done = 0;
        for (int i = 0; i < 8; ++i) {
            done += loop();
        }
        const double rate = done / (now() - start) / 1e9;
        best = rate > best ? rate : best;
    } while (now() < until);
    return best;
}

void raise(double& best, bool supported, Loop loop, double seconds) {
    if (supported) {
        const double rate = peak(loop, seconds);
        best = rate > best ? rate : best;
    }
}

}  // namespace

Rates rates(double seconds_each) {
    const double s = seconds_each;
    const bool avx2 = __builtin_cpu_supports("avx2");
    const bool f = __builtin_cpu_supports("avx512f");
    const bool vl = f && __builtin_cpu_supports("avx512vl");
    const bool vnni = f && __builtin_cpu_supports("avx512vnni");
    const bool popcount = f && __builtin_cpu_supports("avx512vpopcntdq");
    Rates r;
    raise(r.f32, true, f32_sse2, s);
    raise(r.f32, avx2 && __builtin_cpu_supports("fma"), f32_ymm, s);
    raise(r.f32, f, f32_zmm, s);
    raise(r.i8, true, i8_sse2, s);
    raise(r.i8, avx2, i8_maddubs_ymm, s);
    raise(r.i8, f && __builtin_cpu_supports("avx512bw"), i8_maddubs_zmm, s);
    raise(r.i8, vnni && vl, i8_vnni_ymm, s);
    raise(r.i8, vnni, i8_vnni_zmm, s);
    raise(r.i8, avx2 && __builtin_cpu_supports("avxvnni"), i8_vex_vnni, s);
    raise(r.bit, true, bit_scalar, s);
    raise(r.bit, __builtin_cpu_supports("popcnt"), bit_popcnt, s);
    raise(r.bit, avx2, bit_lookup, s);
    raise(r.bit, avx2, bit_carry_save, s);
    raise(r.bit, popcount, bit_zmm, s);
    raise(r.bit, popcount && vl, bit_ymm, s);
#ifdef KW_HAS_NARROW
    raise(r.bf16, f && __builtin_cpu_supports("avx512bf16"), bf16_zmm, s);
    raise(r.f16, f && __builtin_cpu_supports("avx512fp16"), f16_zmm, s);
#endif
    return r;
}

}  // namespace kw_probe
