// SPDX-License-Identifier: Apache-2.0
//!kwright task=q4_0_gemv target=cpu
// Canonical blocks. The activations are unpacked once: scales to f32, bytes aligned, and the offset
// of a block (-8 * sum of its activations) ready to start the integer accumulator.
#include "q4_0_gemv.h"

#include <immintrin.h>

#include <string.h>

// Integer dot product: 0 widen to 16 bit, 1 maddubs, 2 VNNI where the machine has it (else
// maddubs).
//!tune DOT = {0, 1, 2}
#define DOT 0
// Rows that share the loads of the activations.
//!tune ROWS = {1, 2, 4, 8}
#define ROWS 1
// Independent f32 accumulators a row.
//!tune ACCS = {1, 2, 4}
#define ACCS 1
// Bytes ahead to prefetch in each row; 0 = leave it to the hardware.
//!tune PREFETCH = {0, 256, 1024, 4096}
#define PREFETCH 0
//!require ROWS * ACCS <= 16

namespace {

constexpr int64_t k_block = 32;
constexpr int64_t k_w_bytes = 18;
constexpr int64_t k_x_bytes = 34;
constexpr int64_t k_max_blocks = 65536 / k_block;

float half_at(const uint8_t* p) {
    uint16_t h;
    memcpy(&h, p, 2);
    return _cvtsh_ss(h);
}

struct Activations {
    alignas(32) int8_t code[k_max_blocks][k_block];
    alignas(32) int32_t start[k_max_blocks][8];  // lane 0: -8 * sum of the block's codes
    float scale[k_max_blocks];
};

void unpack(const uint8_t* x, int64_t blocks, Activations& out) {
    for (int64_t b = 0; b < blocks; ++b) {
        const uint8_t* from = x + b * k_x_bytes;
        out.scale[b] = half_at(from);
        memcpy(out.code[b], from + 2, k_block);
        int sum = 0;
        for (int j = 0; j < k_block; ++j) {
            sum += out.code[b][j];
        }
        memset(out.start[b], 0, sizeof out.start[b]);
        out.start[b][0] = -8 * sum;
    }
}

// start + sums of q * c in eight 32-bit lanes; q unsigned 0..15, c signed.
inline __m256i dot(__m256i start, __m256i q, __m256i c) {
#if DOT == 0
    const __m256i q0 = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(q));
    const __m256i q1 = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(q, 1));
    const __m256i c0 = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(c));
    const __m256i c1 = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(c, 1));
    return _mm256_add_epi32(
        start, _mm256_add_epi32(_mm256_madd_epi16(q0, c0), _mm256_madd_epi16(q1, c1)));
#elif DOT == 2 && defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_dpbusd_epi32(start, q, c);
#else
    const __m256i pairs = _mm256_maddubs_epi16(q, c);  // at most 2 * 15 * 127: no saturation
    return _mm256_add_epi32(start, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

inline __m256i codes_at(const uint8_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(v, 4), v), _mm256_set1_epi8(15));
}

inline float sum_of(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

template <int R>
inline void blocks_step(
    const uint8_t* row, int64_t row_bytes, const Activations& a, int64_t b, __m256 (&acc)[R]) {
    const __m256i start = _mm256_load_si256(reinterpret_cast<const __m256i*>(a.start[b]));
    const __m256i c = _mm256_load_si256(reinterpret_cast<const __m256i*>(a.code[b]));
    const float scale = a.scale[b];
    for (int r = 0; r < R; ++r) {
        const uint8_t* block = row + r * row_bytes + b * k_w_bytes;
        if (PREFETCH != 0) {
            _mm_prefetch(reinterpret_cast<const char*>(block + PREFETCH), _MM_HINT_T0);
        }
        const __m256 sums = _mm256_cvtepi32_ps(dot(start, codes_at(block + 2), c));
        acc[r] = _mm256_fmadd_ps(_mm256_set1_ps(scale * half_at(block)), sums, acc[r]);
    }
}

template <int R>
void rows(const uint8_t* w, const Activations& a, float* y, int64_t n, int64_t blocks) {
    const int64_t row_bytes = blocks * k_w_bytes;
    const uint8_t* row = w + n * row_bytes;
    __m256 acc[ACCS][R];
    for (int i = 0; i < ACCS; ++i) {
        for (int r = 0; r < R; ++r) {
            acc[i][r] = _mm256_setzero_ps();
        }
    }
    int64_t b = 0;
    for (; b + ACCS <= blocks; b += ACCS) {
        for (int i = 0; i < ACCS; ++i) {
            blocks_step<R>(row, row_bytes, a, b + i, acc[i]);
        }
    }
    for (; b < blocks; ++b) {
        blocks_step<R>(row, row_bytes, a, b, acc[0]);
    }
    for (int r = 0; r < R; ++r) {
        __m256 sum = acc[0][r];
        for (int i = 1; i < ACCS; ++i) {
            sum = _mm256_add_ps(sum, acc[i][r]);
        }
        y[n + r] = sum_of(sum);
    }
}

}  // namespace

extern "C" void q4_0_gemv(
    const uint8_t* w, const uint8_t* x, float* y, const void* /*packed*/, int64_t N, int64_t K) {
    const int64_t blocks = K / k_block;
    Activations a;
    unpack(x, blocks, a);
    int64_t n = 0;
    for (; n + ROWS <= N; n += ROWS) {
        rows<ROWS>(w, a, y, n, blocks);
    }
    for (; n < N; ++n) {
        rows<1>(w, a, y, n, blocks);
    }
}
