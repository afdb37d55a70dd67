// SPDX-License-Identifier: Apache-2.0
// Plain AVX2 on the canonical layout. A 32-bit lane holds eight successive codes; step i shifts
// them down by 4i and multiplies with x, reordered once so that the lanes meet their elements. The
// offset leaves the loop as 8 * (sum of x) per group.
#include "w4a16_gemv.h"

#include <immintrin.h>

namespace {

constexpr int64_t k_group = 128;
constexpr int64_t k_max = 65536;
constexpr int64_t k_step = 64;  // codes of one vector

struct Activations {
    alignas(32) float x[k_max];         // [k / 64][8 steps][8 lanes]
    float eight_sums[k_max / k_group];  // 8 * sum of x over a group
};

void reorder(const kw_f16* x, int64_t K, Activations& out) {
    for (int64_t g = 0; g < K / k_group; ++g) {
        float sum = 0.0f;
        for (int64_t k = g * k_group; k < (g + 1) * k_group; ++k) {
            const float v = _cvtsh_ss(x[k]);
            const int64_t i = k % k_step;
            out.x[k - i + i % 8 * 8 + i / 8] = v;
            sum += v;
        }
        out.eight_sums[g] = 8.0f * sum;
    }
}

float horizontal_sum(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// Sum of code * x over 64 elements, added to acc.
__m256 step(const uint8_t* codes, const float* x, __m256 acc) {
    const __m256i mask = _mm256_set1_epi32(15);
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    for (int i = 0; i < 8; ++i) {
        const __m256i code = _mm256_and_si256(_mm256_srli_epi32(v, 4 * i), mask);
        acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(code), _mm256_load_ps(x + 8 * i), acc);
    }
    return acc;
}

}  // namespace

extern "C" void w4a16_gemv(
    const uint8_t* w,
    const kw_f16* s,
    const kw_f16* x,
    kw_f16* y,
    const void* /*packed*/,
    int64_t N,
    int64_t K) {
    Activations a;
    reorder(x, K, a);
    const int64_t groups = K / k_group;
    for (int64_t n = 0; n < N; ++n) {
        __m256 sum = _mm256_setzero_ps();
        float offset = 0.0f;
        for (int64_t g = 0; g < groups; ++g) {
            const int64_t k = g * k_group;
            const uint8_t* codes = w + (n * K + k) / 2;
            __m256 dot = step(codes, a.x + k, _mm256_setzero_ps());
            dot = step(codes + k_step / 2, a.x + k + k_step, dot);
            const float scale = _cvtsh_ss(s[n * groups + g]);
            sum = _mm256_fmadd_ps(_mm256_set1_ps(scale), dot, sum);
            offset += scale * a.eight_sums[g];
        }
        y[n] = _cvtss_sh(horizontal_sum(sum) - offset, 0);
    }
}
