// SPDX-License-Identifier: Apache-2.0
// Plain AVX2 on the canonical layout: bytes widened to 16 bit, madd, a tile of 2 tokens x 4
// outputs in registers, sums across lanes at the end.
#include "w8a8_gemm.h"

#include <immintrin.h>

namespace {

__m256i widen(const int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

int32_t sum_of(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 1)));
}

template <int MR, int NR>
void tile(const int8_t* x, const int8_t* w, int64_t K, int32_t (&out)[MR][NR]) {
    __m256i acc[MR][NR];
    for (int m = 0; m < MR; ++m) {
        for (int n = 0; n < NR; ++n) {
            acc[m][n] = _mm256_setzero_si256();
        }
    }
    for (int64_t k = 0; k < K; k += 16) {
        __m256i a[MR];
        for (int m = 0; m < MR; ++m) {
            a[m] = widen(x + m * K + k);
        }
        for (int n = 0; n < NR; ++n) {
            const __m256i b = widen(w + n * K + k);
            for (int m = 0; m < MR; ++m) {
                acc[m][n] = _mm256_add_epi32(acc[m][n], _mm256_madd_epi16(a[m], b));
            }
        }
    }
    for (int m = 0; m < MR; ++m) {
        for (int n = 0; n < NR; ++n) {
            out[m][n] = sum_of(acc[m][n]);
        }
    }
}

struct Problem {
    const int8_t* x;
    const float* sx;
    const int8_t* w;
    const float* sw;
    float* y;
    int64_t M, N, K;
};

template <int MR, int NR>
void block(const Problem& p, int64_t m, int64_t n) {
    int32_t sums[MR][NR];
    tile<MR, NR>(p.x + m * p.K, p.w + n * p.K, p.K, sums);
    for (int i = 0; i < MR; ++i) {
        for (int j = 0; j < NR; ++j) {
            p.y[(m + i) * p.N + n + j] = static_cast<float>(sums[i][j]) * p.sx[m + i] * p.sw[n + j];
        }
    }
}

// All tokens against NR outputs: the weight rows stay in the first-level cache.
template <int NR>
void outputs(const Problem& p, int64_t n) {
    int64_t m = 0;
    for (; m + 2 <= p.M; m += 2) {
        block<2, NR>(p, m, n);
    }
    if (m < p.M) {
        block<1, NR>(p, m, n);
    }
}

}  // namespace

extern "C" void w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    float* y,
    const void* /*packed*/,
    int64_t M,
    int64_t N,
    int64_t K) {
    const Problem p{x, sx, w, sw, y, M, N, K};
    int64_t n = 0;
    for (; n + 4 <= N; n += 4) {
        outputs<4>(p, n);
    }
    for (; n < N; ++n) {
        outputs<1>(p, n);
    }
}
