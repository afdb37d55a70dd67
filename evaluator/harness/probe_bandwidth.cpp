// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/probe.hpp"

#include <immintrin.h>

#include <cstdio>

namespace kw_probe {
namespace {

struct Pattern {
    const char* name;
    void (*pass)(std::byte* buffer, std::size_t bytes);
    bool reads_only;
};

namespace sse2 {
#define KW_BYTES 16
#define KW_STREAM(at, value) \
    _mm_stream_si128(reinterpret_cast<__m128i*>(at), reinterpret_cast<__m128i>(value))
#include "evaluator/harness/probe_bandwidth.inl"
#undef KW_BYTES
#undef KW_STREAM
}  // namespace sse2

#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#define KW_BYTES 32
#define KW_STREAM(at, value) \
    _mm256_stream_si256(reinterpret_cast<__m256i*>(at), reinterpret_cast<__m256i>(value))
#include "evaluator/harness/probe_bandwidth.inl"
#undef KW_BYTES
#undef KW_STREAM
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,prefer-vector-width=512")
namespace avx512 {
#define KW_BYTES 64
#define KW_STREAM(at, value) \
    _mm512_stream_si512(reinterpret_cast<__m512i*>(at), reinterpret_cast<__m512i>(value))
#include "evaluator/harness/probe_bandwidth.inl"
#undef KW_BYTES
#undef KW_STREAM
}  // namespace avx512
#pragma GCC pop_options

/// Best rate of the passes that fit into `seconds`, at least two. Short passes are timed together.
/// Counts what the pass touches of `bytes` (streams and halves round down a little: a copy of 3 KiB
/// in steps of 512 bytes).
double best_rate(const Pattern& pattern, std::byte* buffer, std::size_t bytes, double seconds) {
    constexpr double k_least = 50e-6;  // the clock's own cost and grain stay below 0.1 %
    pattern.pass(buffer, bytes);
    std::size_t together = 1;
    double best = 0;
    const double until = now() + seconds;
    int timed = 0;
    while (timed < 2 || now() < until) {
        const double start = now();
        for (std::size_t i = 0; i < together; ++i) {
            pattern.pass(buffer, bytes);
        }
        const double taken = now() - start;
        if (taken < k_least) {
            together *= 2;
            continue;
        }
        const double rate = static_cast<double>(bytes) * static_cast<double>(together) / taken;
        best = rate > best ? rate : best;
        ++timed;
    }
    return best / 1e9;
}

template <std::size_t count>
void measure(
    const Pattern (&patterns)[count],
    std::byte* buffer,
    std::size_t bytes,
    double seconds,
    bool trace,
    Bandwidth& best) {
    for (const Pattern& pattern : patterns) {
        const double rate = best_rate(pattern, buffer, bytes, seconds);
        best.read_gb_per_s =
            pattern.reads_only && rate > best.read_gb_per_s ? rate : best.read_gb_per_s;
        if (rate > best.gb_per_s) {
            best.gb_per_s = rate;
            best.pattern = pattern.name;
            best.bytes = bytes;
        }
        if (trace) {
            std::fprintf(stderr, "%9zu %-16s %8.2f\n", bytes, pattern.name, rate);
        }
    }
}

}  // namespace

Bandwidth bandwidth(std::byte* buffer, std::size_t bytes, double seconds, bool trace) {
    Bandwidth best;
    if (__builtin_cpu_supports("avx512f")) {
        measure(avx512::k_patterns, buffer, bytes, seconds / 2, trace, best);
        measure(avx2::k_patterns, buffer, bytes, seconds / 2, trace, best);
    } else if (__builtin_cpu_supports("avx2")) {
        measure(avx2::k_patterns, buffer, bytes, seconds, trace, best);
    } else {
        measure(sse2::k_patterns, buffer, bytes, seconds, trace, best);
    }
    return best;
}

}  // namespace kw_probe
