// SPDX-License-Identifier: Apache-2.0
// Hand-written AVX2. Encode: compare and count over the 15 thresholds, eight elements at a time.
// Decode: the 16 products of a block become a table of bf16, looked up by pshufb.
#include "nf4_codec.h"

#include <immintrin.h>

#include <cstdint>
#include <cstring>

static const float k_thresholds[15] = {
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
    0.8614784181118011F};

// Bits of the largest magnitude; NaN and infinity sort above every finite value.
static uint32_t absmax_bits(const float* w) {
    const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
    __m256i m = _mm256_setzero_si256();
    for (int i = 0; i < 64; i += 8) {
        const __m256i u = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + i));
        m = _mm256_max_epu32(m, _mm256_and_si256(u, magnitude));
    }
    __m128i n = _mm_max_epu32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0x4E));
    n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0xB1));
    return static_cast<uint32_t>(_mm_cvtsi128_si32(n));
}

static __m256i encode8(__m256 v) {
    __m256i code = _mm256_setzero_si256();
    for (int t = 0; t < 15; ++t) {
        const __m256 above = _mm256_cmp_ps(v, _mm256_set1_ps(k_thresholds[t]), _CMP_GT_OQ);
        code = _mm256_sub_epi32(code, _mm256_castps_si256(above));
    }
    return code;
}

static void encode_block(const float* w, float absmax, uint8_t* out) {
    const __m256 divisor = _mm256_set1_ps(absmax);
    for (int i = 0; i < 64; i += 32) {
        __m256i c[4];
        for (int k = 0; k < 4; ++k) {
            c[k] = encode8(_mm256_div_ps(_mm256_loadu_ps(w + i + 8 * k), divisor));
        }
        const __m256i a = _mm256_packus_epi32(c[0], c[1]);
        const __m256i b = _mm256_packus_epi32(c[2], c[3]);
        const __m256i lanes = _mm256_packus_epi16(a, b);  // dwords 0 4 1 5 2 6 3 7 of the 32 codes
        const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        const __m256i bytes = _mm256_permutevar8x32_epi32(lanes, order);
        // even * 16 + odd, pair by pair
        const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi16(0x0110));
        const __m128i packed =
            _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i / 2), packed);
    }
}

static __m256i to_bf16(__m256 x) {
    const __m256i u = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, bias), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), nan);
}

static void decode_block(const uint8_t* q, float absmax, kw_bf16* y) {
    const __m256 scale = _mm256_set1_ps(absmax);
    const __m256 low = _mm256_setr_ps(
        -1.0F,
        -0.6961928009986877F,
        -0.5250730514526367F,
        -0.39491748809814453F,
        -0.28444138169288635F,
        -0.18477343022823334F,
        -0.09105003625154495F,
        0.0F);
    const __m256 high = _mm256_setr_ps(
        0.07958029955625534F,
        0.16093020141124725F,
        0.24611230194568634F,
        0.33791524171829224F,
        0.44070982933044434F,
        0.5626170039176941F,
        0.7229568362236023F,
        1.0F);
    const __m256i products = _mm256_permute4x64_epi64(
        _mm256_packus_epi32(
            to_bf16(_mm256_mul_ps(low, scale)), to_bf16(_mm256_mul_ps(high, scale))),
        0xD8);  // 16 x u16, code order
    const __m128i a = _mm256_castsi256_si128(products);
    const __m128i b = _mm256_extracti128_si256(products, 1);
    const __m128i byte = _mm_set1_epi16(0xFF);
    const __m256i table_low = _mm256_broadcastsi128_si256(
        _mm_packus_epi16(_mm_and_si128(a, byte), _mm_and_si128(b, byte)));
    const __m256i table_high =
        _mm256_broadcastsi128_si256(_mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8)));
    const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i odd = _mm256_and_si256(packed, nibble);
    const __m256i even = _mm256_and_si256(_mm256_srli_epi16(packed, 4), nibble);
    __m256i out[2];  // codes 0..15 | 32..47 and 16..31 | 48..63
    out[0] = _mm256_unpacklo_epi8(even, odd);
    out[1] = _mm256_unpackhi_epi8(even, odd);
    for (int k = 0; k < 2; ++k) {
        const __m256i lo = _mm256_shuffle_epi8(table_low, out[k]);
        const __m256i hi = _mm256_shuffle_epi8(table_high, out[k]);
        const __m256i first = _mm256_unpacklo_epi8(lo, hi);
        const __m256i second = _mm256_unpackhi_epi8(lo, hi);
        __m128i* const p = reinterpret_cast<__m128i*>(y + 16 * k);
        _mm_storeu_si128(p, _mm256_castsi256_si128(first));
        _mm_storeu_si128(p + 1, _mm256_castsi256_si128(second));
        _mm_storeu_si128(p + 4, _mm256_extracti128_si256(first, 1));
        _mm_storeu_si128(p + 5, _mm256_extracti128_si256(second, 1));
    }
}

void nf4_codec(
    const float* w,
    const uint8_t* q,
    const float* q_absmax,
    uint8_t* codes,
    float* absmax,
    kw_bf16* y,
    int64_t R,
    int64_t C) {
    const int64_t blocks = R * C / 64;
    for (int64_t b = 0; b < blocks; ++b) {
        uint32_t amax = absmax_bits(w + b * 64);
        const bool finite = amax < 0x7F800000U;
        const bool plain = finite && amax != 0;
        amax = finite ? amax : 0x7FC00000U;
        std::memcpy(absmax + b, &amax, sizeof amax);
        if (plain) {
            encode_block(w + b * 64, absmax[b], codes + b * 32);
        } else {
            std::memset(codes + b * 32, 0x77, 32);
        }
        decode_block(q + b * 32, q_absmax[b], y + b * 64);
    }
}
