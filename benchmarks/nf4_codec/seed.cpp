// SPDX-License-Identifier: Apache-2.0
// A start source: correct everywhere, slow as it stands. The parameters choose among ways to encode
// and to decode a block; a way that the instruction set lacks falls back to the next simpler one.
#include "nf4_codec.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

// How a block is encoded: 0 binary search, 1 count in plain loops, 2 count in AVX2, 3 AVX-512 grid.
//!tune ENCODE = {0, 1, 2, 3}
#define ENCODE 0
// How a block is decoded: 0 element by element, 1 table of 16, 2 table in registers (AVX2).
//!tune DECODE = {0, 1, 2}
#define DECODE 0
// Multiply by the reciprocal of absmax where it is safe.
//!tune RECIPROCAL = {0, 1}
#define RECIPROCAL 0
// Distance in bytes of software prefetch of w; 0 = none.
//!tune PREFETCH = {0, 512, 1024, 4096}
#define PREFETCH 0
// Blocks encoded before their decoding partners: separates the two streams.
//!tune BATCH = {1, 4, 16}
#define BATCH 1

namespace {

constexpr int k_block = 64;

alignas(64) const float k_values[16] = {
    -1.0F,
    -0.6961928009986877F,
    -0.5250730514526367F,
    -0.39491748809814453F,
    -0.28444138169288635F,
    -0.18477343022823334F,
    -0.09105003625154495F,
    0.0F,
    0.07958029955625534F,
    0.16093020141124725F,
    0.24611230194568634F,
    0.33791524171829224F,
    0.44070982933044434F,
    0.5626170039176941F,
    0.7229568362236023F,
    1.0F};

alignas(64) const float k_thresholds[16] = {
    -0.8480964004993439F,
    -0.6106329262256622F,
    -0.4599952697753906F,
    -0.33967943489551544F,
    -0.23460740596055984F,
    -0.13791173323988914F,
    -0.045525018125772476F,
    0.03979014977812767F,
    0.1202552504837513F,
    0.2035212516784668F,
    0.2920137718319893F,
    0.3893125355243683F,
    0.5016634166240692F,
    0.6427869200706482F,
    0.8614784181118011F,
    2.0F};

std::uint32_t bits_of(float x) {
    std::uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}

std::uint32_t bf16_of(float x) {
    const std::uint32_t u = bits_of(x);
    const std::uint32_t rounded = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16;
    return (u & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded;
}

// Bits of |w| order like the values; NaN and infinity come out on top.
std::uint32_t absmax_bits(const float* w) {
    std::uint32_t amax = 0;
    for (int i = 0; i < k_block; ++i) {
        const std::uint32_t a = bits_of(w[i]) & 0x7FFFFFFFU;
        amax = a > amax ? a : amax;
    }
    return amax;
}

#if ENCODE == 3 && defined(__AVX512F__) && defined(__AVX512BW__)
// Cells of 1/16: none holds two thresholds, so a cell's base code and one comparison are enough.
struct Grid {
    alignas(64) float threshold[32];
    alignas(64) std::int32_t base[32];
    constexpr Grid()
        : threshold()
        , base() {
        for (int cell = 0; cell < 32; ++cell) {
            const float low = -1.0F + 0.0625F * static_cast<float>(cell);
            int code = 0;
            while (code < 15 && k_grid_thresholds[code] < low) {
                ++code;
            }
            base[cell] = code;
            threshold[cell] = k_grid_thresholds[code];
        }
    }
    static constexpr float k_grid_thresholds[16] = {
        -0.8480964004993439F,
        -0.6106329262256622F,
        -0.4599952697753906F,
        -0.33967943489551544F,
        -0.23460740596055984F,
        -0.13791173323988914F,
        -0.045525018125772476F,
        0.03979014977812767F,
        0.1202552504837513F,
        0.2035212516784668F,
        0.2920137718319893F,
        0.3893125355243683F,
        0.5016634166240692F,
        0.6427869200706482F,
        0.8614784181118011F,
        2.0F};
};
constexpr Grid k_grid;

__m128i encode16(__m512 v) {
    const __m512 position = _mm512_fmadd_ps(v, _mm512_set1_ps(16.0F), _mm512_set1_ps(16.0F));
    const __m512i cell = _mm512_min_epi32(_mm512_cvttps_epi32(position), _mm512_set1_epi32(31));
    const __m512 threshold = _mm512_permutex2var_ps(
        _mm512_load_ps(k_grid.threshold), cell, _mm512_load_ps(k_grid.threshold + 16));
    const __m512i base = _mm512_permutex2var_epi32(
        _mm512_load_si512(k_grid.base), cell, _mm512_load_si512(k_grid.base + 16));
    const __mmask16 above = _mm512_cmp_ps_mask(v, threshold, _CMP_GT_OQ);
    return _mm512_cvtepi32_epi8(_mm512_mask_add_epi32(base, above, base, _mm512_set1_epi32(1)));
}

void encode_values(const float* v, std::uint8_t* out) {
    for (int i = 0; i < k_block; i += 16) {
        const __m128i codes = encode16(_mm512_load_ps(v + i));
        const __m128i pairs = _mm_maddubs_epi16(codes, _mm_set1_epi16(0x0110));
        const __m128i packed = _mm_packus_epi16(pairs, pairs);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i / 2), packed);
    }
}
#elif ENCODE >= 2 && defined(__AVX2__)
__m256i encode8(const float* v) {
    const __m256 x = _mm256_load_ps(v);
    __m256i code = _mm256_setzero_si256();
    for (int t = 0; t < 15; ++t) {
        const __m256 above = _mm256_cmp_ps(x, _mm256_set1_ps(k_thresholds[t]), _CMP_GT_OQ);
        code = _mm256_sub_epi32(code, _mm256_castps_si256(above));
    }
    return code;
}

void encode_values(const float* v, std::uint8_t* out) {
    for (int i = 0; i < k_block; i += 16) {
        const __m256i words =
            _mm256_permute4x64_epi64(_mm256_packus_epi32(encode8(v + i), encode8(v + i + 8)), 0xD8);
        const __m128i codes =
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        const __m128i pairs = _mm_maddubs_epi16(codes, _mm_set1_epi16(0x0110));
        const __m128i packed = _mm_packus_epi16(pairs, pairs);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i / 2), packed);
    }
}
#elif ENCODE >= 1
void encode_values(const float* v, std::uint8_t* out) {
    std::int32_t code[k_block] = {};
    for (int t = 0; t < 15; ++t) {
        for (int i = 0; i < k_block; ++i) {
            code[i] += v[i] > k_thresholds[t] ? 1 : 0;
        }
    }
    for (int j = 0; j < k_block / 2; ++j) {
        out[j] = static_cast<std::uint8_t>(code[2 * j] << 4 | code[2 * j + 1]);
    }
}
#else
int search(float v) {
    int code = 0;
    for (int step = 8; step > 0; step /= 2) {
        if (v > k_thresholds[code + step - 1]) {
            code += step;
        }
    }
    return code;
}

void encode_values(const float* v, std::uint8_t* out) {
    for (int j = 0; j < k_block / 2; ++j) {
        out[j] = static_cast<std::uint8_t>(search(v[2 * j]) << 4 | search(v[2 * j + 1]));
    }
}
#endif

void encode_block(const float* w, float absmax, std::uint8_t* out) {
    alignas(64) float v[k_block];
    if (RECIPROCAL && absmax > 0x1p-100F && absmax < 0x1p100F) {
        const float inverse = 1.0F / absmax;
        for (int i = 0; i < k_block; ++i) {
            v[i] = w[i] * inverse;
        }
    } else {
        for (int i = 0; i < k_block; ++i) {
            v[i] = w[i] / absmax;
        }
    }
    encode_values(v, out);
}

#if DECODE == 2 && defined(__AVX2__)
void decode_block(const std::uint8_t* q, float absmax, kw_bf16* y) {
    alignas(16) std::uint8_t low[16];
    alignas(16) std::uint8_t high[16];
    for (int c = 0; c < 16; ++c) {
        const std::uint32_t h = bf16_of(k_values[c] * absmax);
        low[c] = static_cast<std::uint8_t>(h);
        high[c] = static_cast<std::uint8_t>(h >> 8);
    }
    const __m128i table_low = _mm_load_si128(reinterpret_cast<const __m128i*>(low));
    const __m128i table_high = _mm_load_si128(reinterpret_cast<const __m128i*>(high));
    const __m128i nibble = _mm_set1_epi8(15);
    for (int j = 0; j < k_block / 2; j += 8) {
        const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(q + j));
        const __m128i even = _mm_and_si128(_mm_srli_epi16(packed, 4), nibble);
        const __m128i odd = _mm_and_si128(packed, nibble);
        const __m128i codes = _mm_unpacklo_epi8(even, odd);
        const __m128i lo = _mm_shuffle_epi8(table_low, codes);
        const __m128i hi = _mm_shuffle_epi8(table_high, codes);
        __m128i* const out = reinterpret_cast<__m128i*>(y + 2 * j);
        _mm_storeu_si128(out, _mm_unpacklo_epi8(lo, hi));
        _mm_storeu_si128(out + 1, _mm_unpackhi_epi8(lo, hi));
    }
}
#elif DECODE >= 1
void decode_block(const std::uint8_t* q, float absmax, kw_bf16* y) {
    kw_bf16 table[16];
    for (int c = 0; c < 16; ++c) {
        table[c] = static_cast<kw_bf16>(bf16_of(k_values[c] * absmax));
    }
    for (int j = 0; j < k_block / 2; ++j) {
        y[2 * j] = table[q[j] >> 4];
        y[2 * j + 1] = table[q[j] & 15];
    }
}
#else
void decode_block(const std::uint8_t* q, float absmax, kw_bf16* y) {
    for (int i = 0; i < k_block; ++i) {
        const int code = i % 2 == 0 ? q[i / 2] >> 4 : q[i / 2] & 15;
        y[i] = static_cast<kw_bf16>(bf16_of(k_values[code] * absmax));
    }
}
#endif

void encode_one(const float* w, std::uint8_t* codes, float* absmax) {
    const std::uint32_t amax = absmax_bits(w);
    const bool finite = amax < 0x7F800000U;
    const std::uint32_t stored = finite ? amax : 0x7FC00000U;
    std::memcpy(absmax, &stored, sizeof stored);
    if (finite && amax != 0) {
        encode_block(w, *absmax, codes);
    } else {
        std::memset(codes, 0x77, k_block / 2);
    }
}

}  // namespace

void nf4_codec(
    const float* w,
    const uint8_t* q,
    const float* q_absmax,
    uint8_t* codes,
    float* absmax,
    kw_bf16* y,
    int64_t R,
    int64_t C) {
    const std::int64_t blocks = R * C / k_block;
    for (std::int64_t first = 0; first < blocks; first += BATCH) {
        const std::int64_t last = first + BATCH < blocks ? first + BATCH : blocks;
        for (std::int64_t b = first; b < last; ++b) {
#if PREFETCH
            for (int line = 0; line < 4; ++line) {
                __builtin_prefetch(
                    reinterpret_cast<const char*>(w + b * k_block) + PREFETCH + 64 * line);
            }
#endif
            encode_one(w + b * k_block, codes + b * k_block / 2, absmax + b);
        }
        for (std::int64_t b = first; b < last; ++b) {
            decode_block(q + b * k_block / 2, q_absmax[b], y + b * k_block);
        }
    }
}
