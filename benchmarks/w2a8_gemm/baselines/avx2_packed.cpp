// SPDX-License-Identifier: Apache-2.0
// AVX2 with packed weights: prepare turns the planes into codes w + 2 (0..3), 32 bytes for 128
// successive k of a row, byte j holding k = j, j + 32, j + 64, j + 96 from its low bits up. A shift
// and a mask then give an unsigned operand for maddubs; up to four tokens share the decoding.
#include "w2a8_gemm.h"

#include <immintrin.h>

namespace {

constexpr int64_t k_step = 128;

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

// R tokens against one output. Four products add up in 16 bits (4 * 2 * 3 * 128 < 2^15) before
// they are widened.
template <int R>
void row(const int8_t* x, const uint8_t* codes, int64_t K, int32_t (&out)[R]) {
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i mask = _mm256_set1_epi8(3);
    __m256i acc[R];
    for (int r = 0; r < R; ++r) {
        acc[r] = _mm256_setzero_si256();
    }
    for (int64_t k = 0; k < K; k += k_step) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + k / 4));
        __m256i pairs[R];
        for (int r = 0; r < R; ++r) {
            pairs[r] = _mm256_setzero_si256();
        }
        for (int i = 0; i < 4; ++i) {
            const __m256i q = _mm256_and_si256(_mm256_srli_epi16(v, 2 * i), mask);
            for (int r = 0; r < R; ++r) {
                const int8_t* at = x + r * K + k + 32 * i;
                const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
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
void tokens(const int8_t* x, const uint8_t* packed, int32_t* y, int64_t m, int64_t N, int64_t K) {
    int32_t twice[R];
    for (int r = 0; r < R; ++r) {
        twice[r] = 2 * sum_of_row(x + (m + r) * K, K);
    }
    for (int64_t n = 0; n < N; ++n) {
        int32_t sums[R];
        row<R>(x + m * K, packed + n * (K / 4), K, sums);
        for (int r = 0; r < R; ++r) {
            y[(m + r) * N + n] = sums[r] - twice[r];
        }
    }
}

}  // namespace

extern "C" size_t w2a8_gemm_prepare_size(int64_t, int64_t N, int64_t K) {
    return static_cast<size_t>(N * (K / 4));
}

extern "C" void w2a8_gemm_prepare(const uint32_t* w, void* packed, int64_t, int64_t N, int64_t K) {
    const int64_t words = K / 32;
    uint8_t* out = static_cast<uint8_t*>(packed);
    for (int64_t i = 0; i < N * (K / 4); ++i) {
        const int64_t n = i / (K / 4);
        const int64_t step = i % (K / 4) / 32;
        const int shift = static_cast<int>(31 - i % 32);
        uint32_t byte = 0;
        for (int j = 0; j < 4; ++j) {
            const int64_t word = n * words + 4 * step + j;
            const uint32_t low = w[word] >> shift & 1;
            const uint32_t top = w[N * words + word] >> shift & 1;
            byte |= (2 + low - 2 * top) << (2 * j);
        }
        out[i] = static_cast<uint8_t>(byte);
    }
}

extern "C" void w2a8_gemm(
    const int8_t* x,
    const uint32_t* /*w*/,
    int32_t* y,
    const void* packed,
    int64_t M,
    int64_t N,
    int64_t K) {
    const uint8_t* codes = static_cast<const uint8_t*>(packed);
    int64_t m = 0;
    for (; m + 4 <= M; m += 4) {
        tokens<4>(x, codes, y, m, N, K);
    }
    for (; m < M; ++m) {
        tokens<1>(x, codes, y, m, N, K);
    }
}
