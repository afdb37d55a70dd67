// SPDX-License-Identifier: Apache-2.0
//!kwright task=w4a16_gemv target=cpu
// Canonical layout, 32-bit lanes: lane l of a vector holds the eight codes 8l..8l+7; step i shifts
// them down by 4i and multiplies with x reordered so that lane l finds element 8l+i.
#include "w4a16_gemv.h"

#include <immintrin.h>

// Nibble to float: 0 mask and convert, 1 set exponent bits (gives 16 + code), 2 permute a table.
//!tune DECODE = {0, 1, 2}
#define DECODE 0
// Rows that share the loads of x.
//!tune ROWS = {1, 2, 4, 8}
#define ROWS 1
// Independent accumulators a row.
//!tune ACCS = {1, 2, 4}
#define ACCS 1
// Bytes ahead to prefetch in each row; 0 = leave it to the hardware.
//!tune PREFETCH = {0, 512, 1024, 4096}
#define PREFETCH 0
//!require ROWS * ACCS <= 16

namespace {

constexpr int64_t k_group = 128;
constexpr int64_t k_max = 65536;

#ifdef __AVX512F__
typedef __m512 vf;
typedef __m512i vi;
constexpr int k_lanes = 16;
inline vf zero() {
    return _mm512_setzero_ps();
}
inline vf splat(float v) {
    return _mm512_set1_ps(v);
}
inline vf load(const float* p) {
    return _mm512_load_ps(p);
}
inline vi load_codes(const uint8_t* p) {
    return _mm512_loadu_si512(p);
}
inline vf fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
inline vf add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
inline float sum_of(vf v) {
    return _mm512_reduce_add_ps(v);
}
template <int I>
inline vf decode(vi v) {
#if DECODE == 0
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(v, 4 * I), _mm512_set1_epi32(15)));
#elif DECODE == 1
    const vi at = I < 5 ? _mm512_slli_epi32(v, 19 - 4 * (I < 5 ? I : 0))
                        : _mm512_srli_epi32(v, 4 * (I < 5 ? 5 : I) - 19);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        at, _mm512_set1_epi32(0x780000), _mm512_set1_epi32(0x41800000), 0xEA));
#else
    const vf table = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(v, 4 * I), table);
#endif
}
#else
typedef __m256 vf;
typedef __m256i vi;
constexpr int k_lanes = 8;
inline vf zero() {
    return _mm256_setzero_ps();
}
inline vf splat(float v) {
    return _mm256_set1_ps(v);
}
inline vf load(const float* p) {
    return _mm256_load_ps(p);
}
inline vi load_codes(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline vf fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
inline vf add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
inline float sum_of(vf v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
template <int I>
inline vf decode(vi v) {
#if DECODE == 0
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(v, 4 * I), _mm256_set1_epi32(15)));
#elif DECODE == 1
    const vi at = I < 5 ? _mm256_slli_epi32(v, 19 - 4 * (I < 5 ? I : 0))
                        : _mm256_srli_epi32(v, 4 * (I < 5 ? 5 : I) - 19);
    return _mm256_castsi256_ps(_mm256_or_si256(
        _mm256_and_si256(at, _mm256_set1_epi32(0x780000)), _mm256_set1_epi32(0x41800000)));
#else
    const vi at = _mm256_srli_epi32(v, 4 * I);
    const vf low = _mm256_permutevar8x32_ps(_mm256_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1), at);
    const vf high = _mm256_permutevar8x32_ps(_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), at);
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(v, 28 - 4 * I)));
#endif
}
#endif

constexpr int64_t k_step = 8 * k_lanes;  // codes of one vector
constexpr float k_offset = DECODE == 0 ? 8.0f : DECODE == 1 ? 24.0f : 0.0f;

struct Activations {
    alignas(64) float x[k_max];          // [k / k_step][8][k_lanes]
    float offset_sums[k_max / k_group];  // k_offset * sum of x over a group
};

void reorder(const kw_f16* x, int64_t K, Activations& out) {
    for (int64_t g = 0; g < K / k_group; ++g) {
        float sum = 0.0f;
        for (int64_t k = g * k_group; k < (g + 1) * k_group; ++k) {
            const float v = _cvtsh_ss(x[k]);
            const int64_t in_step = k % k_step;
            out.x[k - in_step + in_step % 8 * k_lanes + in_step / 8] = v;
            sum += v;
        }
        out.offset_sums[g] = k_offset * sum;
    }
}

template <int I>
inline void multiply(vi v, const float* x, vf (&acc)[ACCS]) {
    acc[I % ACCS] = fma(decode<I>(v), load(x + I * k_lanes), acc[I % ACCS]);
}

template <int R>
void rows(
    const uint8_t* w, const kw_f16* s, const Activations& a, kw_f16* y, int64_t n, int64_t K) {
    const int64_t groups = K / k_group;
    vf sum[R];
    float offset[R];
    for (int r = 0; r < R; ++r) {
        sum[r] = zero();
        offset[r] = 0.0f;
    }
    for (int64_t g = 0; g < groups; ++g) {
        vf acc[R][ACCS];
        for (int r = 0; r < R; ++r) {
            for (int i = 0; i < ACCS; ++i) {
                acc[r][i] = zero();
            }
        }
        for (int64_t k = g * k_group; k < (g + 1) * k_group; k += k_step) {
            const float* x = a.x + k;
            for (int r = 0; r < R; ++r) {
                const uint8_t* at = w + ((n + r) * K + k) / 2;
                if (PREFETCH != 0) {
                    _mm_prefetch(reinterpret_cast<const char*>(at + PREFETCH), _MM_HINT_T0);
                }
                const vi v = load_codes(at);
                multiply<0>(v, x, acc[r]);
                multiply<1>(v, x, acc[r]);
                multiply<2>(v, x, acc[r]);
                multiply<3>(v, x, acc[r]);
                multiply<4>(v, x, acc[r]);
                multiply<5>(v, x, acc[r]);
                multiply<6>(v, x, acc[r]);
                multiply<7>(v, x, acc[r]);
            }
        }
        for (int r = 0; r < R; ++r) {
            const float scale = _cvtsh_ss(s[(n + r) * groups + g]);
            vf dot = acc[r][0];
            for (int i = 1; i < ACCS; ++i) {
                dot = add(dot, acc[r][i]);
            }
            sum[r] = fma(splat(scale), dot, sum[r]);
            offset[r] += scale * a.offset_sums[g];
        }
    }
    for (int r = 0; r < R; ++r) {
        y[n + r] = _cvtss_sh(sum_of(sum[r]) - offset[r], 0);
    }
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
    int64_t n = 0;
    for (; n + ROWS <= N; n += ROWS) {
        rows<ROWS>(w, s, a, y, n, K);
    }
    for (; n < N; ++n) {
        rows<1>(w, s, a, y, n, K);
    }
}
