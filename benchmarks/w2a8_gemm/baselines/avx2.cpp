// SPDX-License-Identifier: Apache-2.0
// Plain AVX2 on the plane layout: the bits of 32 weights are spread to bytes and become codes
// w + 2 in 0..3, which maddubs takes as its unsigned operand; up to four tokens share the
// spreading.
#include "w2a8_gemm.h"

#include <immintrin.h>

namespace {

// Byte j is 0xFF where bit 31 - j of the word is set.
__m256i spread(uint32_t word) {
    const __m256i bytes = _mm256_setr_epi8(
        3,
        3,
        3,
        3,
        3,
        3,
        3,
        3,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0);
    const __m256i bit = _mm256_set1_epi64x(0x0102040810204080LL);
    const __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(word)), bytes);
    return _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
}

__m256i codes(uint32_t low, uint32_t top) {
    const __m256i two = _mm256_set1_epi8(2);
    const __m256i high = _mm256_andnot_si256(spread(top), two);
    return _mm256_sub_epi8(high, spread(low));
}

int32_t sum_of(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 1)));
}

int32_t sum_of_row(const int8_t* x, int64_t K) {
    int32_t sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        sum += x[k];
    }
    return sum;
}

// R tokens against one output. K is a multiple of 128: four words add up in 16 bits
// (4 * 2 * 3 * 128 < 2^15) before they are widened.
template <int R>
void row(const int8_t* x, const uint32_t* low, const uint32_t* top, int64_t K, int32_t (&out)[R]) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i acc[R];
    for (int r = 0; r < R; ++r) {
        acc[r] = _mm256_setzero_si256();
    }
    for (int64_t k = 0; k < K; k += 128) {
        __m256i pairs[R];
        for (int r = 0; r < R; ++r) {
            pairs[r] = _mm256_setzero_si256();
        }
        for (int64_t i = k; i < k + 128; i += 32) {
            const __m256i q = codes(low[i / 32], top[i / 32]);
            for (int r = 0; r < R; ++r) {
                const __m256i a =
                    _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + r * K + i));
                pairs[r] = _mm256_add_epi16(pairs[r], _mm256_maddubs_epi16(q, a));
            }
        }
        for (int r = 0; r < R; ++r) {
            acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(pairs[r], ones));
        }
    }
    for (int r = 0; r < R; ++r) {
        out[r] = sum_of(acc[r]);
    }
}

template <int R>
void tokens(const int8_t* x, const uint32_t* w, int32_t* y, int64_t m, int64_t N, int64_t K) {
    int32_t twice[R];
    for (int r = 0; r < R; ++r) {
        twice[r] = 2 * sum_of_row(x + (m + r) * K, K);
    }
    for (int64_t n = 0; n < N; ++n) {
        int32_t sums[R];
        const uint32_t* low = w + n * (K / 32);
        row<R>(x + m * K, low, low + N * (K / 32), K, sums);
        for (int r = 0; r < R; ++r) {
            y[(m + r) * N + n] = sums[r] - twice[r];
        }
    }
}

}  // namespace

extern "C" void w2a8_gemm(
    const int8_t* x,
    const uint32_t* w,
    int32_t* y,
    const void* /*packed*/,
    int64_t M,
    int64_t N,
    int64_t K) {
    int64_t m = 0;
    for (; m + 4 <= M; m += 4) {
        tokens<4>(x, w, y, m, N, K);
    }
    for (; m < M; ++m) {
        tokens<1>(x, w, y, m, N, K);
    }
}
