// SPDX-License-Identifier: Apache-2.0
//!kwright task=w8a8_gemm target=cpu
// prepare interleaves the weights: a vector holds four successive k of 16 outputs (8 on AVX2), so x
// is a 4-byte broadcast and a lane is an output. Rest tiles of N are padded with zero weights.
#include "w8a8_gemm.h"

#include <immintrin.h>

#include <string.h>

// Tokens of a register tile.
//!tune MR = {1, 2, 4, 8}
#define MR 1
// Weight vectors of a register tile.
//!tune NV = {1, 2, 4}
#define NV 1
// Steps of four k in one loop body.
//!tune UNROLL = {1, 2, 4}
#define UNROLL 1
// Bytes ahead to prefetch in the packed weights; 0 = leave it to the hardware.
//!tune PREFETCH = {0, 1024, 4096}
#define PREFETCH 0
//!require MR * NV <= 16

namespace {

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
// Unsigned x signed: x + 128 goes in, 128 * (sum of the weight row) comes off in the end.
constexpr int k_lanes = 16;
constexpr int32_t k_shift = 128;
typedef __m512i Weights;
typedef __m512i Token;
typedef __m512i Sums;
inline Sums zero() {
    return _mm512_setzero_si512();
}
inline Weights load(const int8_t* p) {
    return _mm512_loadu_si512(p);
}
inline Token broadcast(const int8_t* p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi8(-128));
}
inline void multiply(Sums& acc, Token x, Weights w) {
    acc = _mm512_dpbusd_epi32(acc, x, w);
}
inline void store(int32_t* out, Sums acc) {
    _mm512_storeu_si512(out, acc);
}
#else
// 16-bit products: the two halves of a vector (four outputs each) have their own accumulator.
constexpr int k_lanes = 8;
constexpr int32_t k_shift = 0;
struct Weights {
    __m256i low, high;
};
typedef __m256i Token;
typedef Weights Sums;
inline Sums zero() {
    return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
inline Weights load(const int8_t* p) {
    const __m128i* v = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(v)), _mm256_cvtepi8_epi16(_mm_loadu_si128(v + 1))};
}
inline Token broadcast(const int8_t* p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
}
inline void multiply(Sums& acc, Token x, const Weights& w) {
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(x, w.low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(x, w.high));
}
inline void store(int32_t* out, const Sums& acc) {
    const __m256i v = _mm256_hadd_epi32(acc.low, acc.high);  // outputs 0 1 4 5 2 3 6 7
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0)));
}
#endif

constexpr int64_t k_step = 4 * k_lanes;

int64_t tiles(int64_t N) {
    return (N + k_lanes - 1) / k_lanes;
}

struct Problem {
    const int8_t* x;
    const float* sx;
    const float* sw;
    float* y;
    const int8_t* packed;     // [tile][K / 4][lane][4]
    const int32_t* row_sums;  // 128 * sum of a weight row
    int64_t M, N, K;
};

template <int R, int V>
void tile(const Problem& p, int64_t m, int64_t t) {
    Sums acc[R][V];
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) {
            acc[r][v] = zero();
        }
    }
    const int64_t tile_bytes = p.K * k_lanes;
    const int8_t* base = p.packed + t * tile_bytes;
    const int8_t* x = p.x + m * p.K;
    for (int64_t k = 0; k < p.K; k += 4 * UNROLL) {
        for (int u = 0; u < UNROLL; ++u) {
            const int8_t* at = base + (k / 4 + u) * k_step;
            Weights w[V];
            for (int v = 0; v < V; ++v) {
                if (PREFETCH != 0) {
                    _mm_prefetch(
                        reinterpret_cast<const char*>(at + v * tile_bytes + PREFETCH), _MM_HINT_T0);
                }
                w[v] = load(at + v * tile_bytes);
            }
            for (int r = 0; r < R; ++r) {
                const Token token = broadcast(x + r * p.K + k + 4 * u);
                for (int v = 0; v < V; ++v) {
                    multiply(acc[r][v], token, w[v]);
                }
            }
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) {
            int32_t sums[k_lanes];
            store(sums, acc[r][v]);
            const int64_t n0 = (t + v) * k_lanes;
            const int64_t count = p.N - n0 < k_lanes ? p.N - n0 : k_lanes;
            for (int64_t i = 0; i < count; ++i) {
                p.y[(m + r) * p.N + n0 + i] =
                    static_cast<float>(sums[i] - p.row_sums[n0 + i]) * p.sx[m + r] * p.sw[n0 + i];
            }
        }
    }
}

template <int V>
void outputs(const Problem& p, int64_t t) {
    int64_t m = 0;
    for (; m + MR <= p.M; m += MR) {
        tile<MR, V>(p, m, t);
    }
    for (; m < p.M; ++m) {
        tile<1, V>(p, m, t);
    }
}

}  // namespace

extern "C" size_t w8a8_gemm_prepare_size(int64_t, int64_t N, int64_t K) {
    return static_cast<size_t>(tiles(N) * k_lanes * (K + 4));
}

extern "C" void w8a8_gemm_prepare(
    const int8_t* w, const float*, void* packed, int64_t, int64_t N, int64_t K) {
    int8_t* out = static_cast<int8_t*>(packed);
    int32_t* row_sums = reinterpret_cast<int32_t*>(out + tiles(N) * k_lanes * K);
    for (int64_t n = 0; n < tiles(N) * k_lanes; ++n) {
        int32_t sum = 0;
        int8_t* to = out + n / k_lanes * k_lanes * K + n % k_lanes * 4;
        for (int64_t k = 0; k < K; ++k) {
            const int8_t v = n < N ? w[n * K + k] : static_cast<int8_t>(0);
            sum += v;
            to[k / 4 * k_step + k % 4] = v;
        }
        row_sums[n] = k_shift * sum;
    }
}

extern "C" void w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t*,
    const float* sw,
    float* y,
    const void* packed,
    int64_t M,
    int64_t N,
    int64_t K) {
    const int8_t* weights = static_cast<const int8_t*>(packed);
    const int32_t* row_sums = reinterpret_cast<const int32_t*>(weights + tiles(N) * k_lanes * K);
    const Problem p{x, sx, sw, y, weights, row_sums, M, N, K};
    int64_t t = 0;
    for (; t + NV <= tiles(N); t += NV) {
        outputs<NV>(p, t);
    }
    for (; t < tiles(N); ++t) {
        outputs<1>(p, t);
    }
}
