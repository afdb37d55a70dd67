// SPDX-License-Identifier: Apache-2.0
//!kwright task=w2a8_gemm target=cpu
// prepare turns the planes into codes w + 2 (0..3): a 32-bit lane belongs to one output and holds
// 16 codes so that shifting by 2i and masking gives the four bytes k = 4i..4i+3. x is then a 4-byte
// broadcast and a lane is an output.
#include "w2a8_gemm.h"

#include <immintrin.h>

#include <string.h>

// Tokens of a register tile.
//!tune MR = {1, 2, 4, 8}
#define MR 1
// Weight vectors of a register tile.
//!tune NV = {1, 2, 4}
#define NV 1
// Vectors of 16 codes in one loop body.
//!tune UNROLL = {1, 2, 4}
#define UNROLL 1
// Bytes ahead to prefetch in the packed weights; 0 = leave it to the hardware.
//!tune PREFETCH = {0, 512, 2048}
#define PREFETCH 0
//!require MR * NV <= 16

namespace {

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
constexpr int k_lanes = 16;
typedef __m512i vi;
inline vi zero() {
    return _mm512_setzero_si512();
}
inline vi load(const uint8_t* p) {
    return _mm512_loadu_si512(p);
}
inline vi broadcast(const int8_t* p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}
template <int I>
inline vi codes(vi v) {
    return _mm512_and_si512(_mm512_srli_epi32(v, 2 * I), _mm512_set1_epi8(3));
}
inline vi multiply(vi acc, vi q, vi x) {
    return _mm512_dpbusd_epi32(acc, q, x);
}
inline void store(int32_t* out, vi acc) {
    _mm512_storeu_si512(out, acc);
}
#else
constexpr int k_lanes = 8;
typedef __m256i vi;
inline vi zero() {
    return _mm256_setzero_si256();
}
inline vi load(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline vi broadcast(const int8_t* p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}
template <int I>
inline vi codes(vi v) {
    return _mm256_and_si256(_mm256_srli_epi32(v, 2 * I), _mm256_set1_epi8(3));
}
inline vi multiply(vi acc, vi q, vi x) {
    const vi pairs = _mm256_maddubs_epi16(q, x);  // at most 2 * 3 * 128: no saturation
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
inline void store(int32_t* out, vi acc) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), acc);
}
#endif

constexpr int64_t k_step = 4 * k_lanes;  // bytes of a vector: 16 codes of every lane's output

int64_t tiles(int64_t N) {
    return (N + k_lanes - 1) / k_lanes;
}

struct Problem {
    const int8_t* x;
    const uint8_t* packed;  // [tile][K / 16][lane][4]
    int32_t* y;
    int64_t M, N, K;
};

template <int I, int R, int V>
inline void quarter(vi (&acc)[R][V], const vi (&w)[V], const int8_t* x, int64_t K) {
    vi q[V];
    for (int v = 0; v < V; ++v) {
        q[v] = codes<I>(w[v]);
    }
    for (int r = 0; r < R; ++r) {
        const vi token = broadcast(x + r * K + 4 * I);
        for (int v = 0; v < V; ++v) {
            acc[r][v] = multiply(acc[r][v], q[v], token);
        }
    }
}

template <int R, int V>
void tile(const Problem& p, const int32_t* twice, int64_t m, int64_t t) {
    vi acc[R][V];
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) {
            acc[r][v] = zero();
        }
    }
    const int64_t tile_bytes = p.K / 4 * k_lanes;
    const uint8_t* base = p.packed + t * tile_bytes;
    const int8_t* x = p.x + m * p.K;
    for (int64_t k = 0; k < p.K; k += 16 * UNROLL) {
        for (int u = 0; u < UNROLL; ++u) {
            vi w[V];
            for (int v = 0; v < V; ++v) {
                const uint8_t* at = base + v * tile_bytes + (k / 16 + u) * k_step;
                if (PREFETCH != 0) {
                    _mm_prefetch(reinterpret_cast<const char*>(at + PREFETCH), _MM_HINT_T0);
                }
                w[v] = load(at);
            }
            quarter<0, R, V>(acc, w, x + k + 16 * u, p.K);
            quarter<1, R, V>(acc, w, x + k + 16 * u, p.K);
            quarter<2, R, V>(acc, w, x + k + 16 * u, p.K);
            quarter<3, R, V>(acc, w, x + k + 16 * u, p.K);
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) {
            int32_t sums[k_lanes];
            store(sums, acc[r][v]);
            const int64_t n0 = (t + v) * k_lanes;
            const int64_t count = p.N - n0 < k_lanes ? p.N - n0 : k_lanes;
            for (int64_t i = 0; i < count; ++i) {
                p.y[(m + r) * p.N + n0 + i] = sums[i] - twice[r];
            }
        }
    }
}

template <int R>
void tokens(const Problem& p, int64_t m) {
    int32_t twice[R];
    for (int r = 0; r < R; ++r) {
        int32_t sum = 0;
        for (int64_t k = 0; k < p.K; ++k) {
            sum += p.x[(m + r) * p.K + k];
        }
        twice[r] = 2 * sum;
    }
    int64_t t = 0;
    for (; t + NV <= tiles(p.N); t += NV) {
        tile<R, NV>(p, twice, m, t);
    }
    for (; t < tiles(p.N); ++t) {
        tile<R, 1>(p, twice, m, t);
    }
}

}  // namespace

extern "C" size_t w2a8_gemm_prepare_size(int64_t, int64_t N, int64_t K) {
    return static_cast<size_t>(tiles(N) * k_lanes * (K / 4));
}

extern "C" void w2a8_gemm_prepare(const uint32_t* w, void* packed, int64_t, int64_t N, int64_t K) {
    uint8_t* out = static_cast<uint8_t*>(packed);
    const int64_t words = K / 32;
    for (int64_t n = 0; n < tiles(N) * k_lanes; ++n) {
        uint8_t* row = out + n / k_lanes * k_lanes * (K / 4) + n % k_lanes * 4;
        for (int64_t k = 0; k < K; k += 16) {
            uint32_t lane = 0;
            for (int64_t j = 0; n < N && j < 16; ++j) {
                const int64_t at = k + j;
                const uint32_t low = w[n * words + at / 32] >> (31 - at % 32) & 1;
                const uint32_t top = w[(N + n) * words + at / 32] >> (31 - at % 32) & 1;
                lane |= (2 + low - 2 * top) << (8 * (j % 4) + 2 * (j / 4));
            }
            memcpy(row + k / 16 * k_step, &lane, 4);
        }
    }
}

extern "C" void w2a8_gemm(
    const int8_t* x,
    const uint32_t*,
    int32_t* y,
    const void* packed,
    int64_t M,
    int64_t N,
    int64_t K) {
    const Problem p{x, static_cast<const uint8_t*>(packed), y, M, N, K};
    int64_t m = 0;
    for (; m + MR <= M; m += MR) {
        tokens<MR>(p, m);
    }
    for (; m < M; ++m) {
        tokens<1>(p, m);
    }
}
