// SPDX-License-Identifier: Apache-2.0
// Hand-written AVX2. Block maxima on 16-bit magnitudes, E2M1 rounding by integer arithmetic on the
// f32 bits, decoding by a table of a block's values and two byte shuffles.
#include "mxfp4_nvfp4_codec.h"

#include <immintrin.h>

#include <cstdint>
#include <cstring>

static uint32_t bits_of(float x) {
    uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}

static float from_bits(uint32_t u) {
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

static uint8_t to_e4m3(float a) {
    if (a > 448.0F) {
        return 0x7E;
    }
    if (a < 0x1p-6F) {
        return static_cast<uint8_t>(bits_of(a + 16384.0F) - bits_of(16384.0F));
    }
    const uint32_t u = bits_of(a);
    return static_cast<uint8_t>(((u + 0x7FFFFU + ((u >> 20) & 1U)) >> 20) - 960U);
}

static float from_e4m3(uint8_t code) {
    const uint32_t magnitude = code & 0x7FU;
    if (magnitude == 0x7F) {
        return from_bits(0x7FC00000U);
    }
    // The bits as an f32 with 120 too small an exponent; the product also mends subnormals.
    return from_bits((code & 0x80U) << 24 | magnitude << 20) * 0x1p120F;
}

static float from_e8m0(uint8_t code) {
    const uint32_t field = code;
    return from_bits(code == 0xFF ? 0x7FC00000U : code == 0 ? 0x00400000U : field << 23);
}

// 16 magnitudes: the largest, as bf16 bits.
static uint32_t max16(__m256i x) {
    const __m256i a = _mm256_and_si256(x, _mm256_set1_epi16(0x7FFF));
    const __m128i m = _mm_max_epu16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i least = _mm_minpos_epu16(_mm_xor_si128(m, _mm_set1_epi16(-1)));
    return 0xFFFFU - (static_cast<uint32_t>(_mm_cvtsi128_si32(least)) & 0xFFFFU);
}

// Codes of 8 quotients with their signs, one a 32-bit lane.
static __m256i e2m1_codes(__m256 v) {
    const __m256i sign = _mm256_srli_epi32(_mm256_castps_si256(v), 31);
    const __m256 a =
        _mm256_min_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0F), v), _mm256_set1_ps(6.0F));
    const __m256i u = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 22), _mm256_set1_epi32(1));
    const __m256i biased =
        _mm256_add_epi32(_mm256_add_epi32(u, odd), _mm256_set1_epi32(0x1FFFFF - (252 << 22)));
    const __m256i normal = _mm256_srli_epi32(biased, 22);
    // Below 1 the unit is 0.5: the sum with 2^22 has it in its last bit.
    const __m256 sum = _mm256_add_ps(a, _mm256_set1_ps(4194304.0F));
    const __m256i small = _mm256_and_si256(_mm256_castps_si256(sum), _mm256_set1_epi32(3));
    const __m256 below = _mm256_cmp_ps(a, _mm256_set1_ps(1.0F), _CMP_LT_OQ);
    const __m256i code = _mm256_blendv_epi8(normal, small, _mm256_castps_si256(below));
    return _mm256_or_si256(code, _mm256_slli_epi32(sign, 3));
}

// 16 elements divided by (or, for a power of two, multiplied with the inverse of) the step.
template <bool Multiply>
static uint64_t encode16(__m256i x, float factor) {
    const __m256i lo = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(x));
    const __m256i hi = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(x, 1));
    const __m256 f = _mm256_set1_ps(factor);
    const __m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(lo, 16));
    const __m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16));
    const __m256i c = e2m1_codes(Multiply ? _mm256_mul_ps(a, f) : _mm256_div_ps(a, f));
    const __m256i d = e2m1_codes(Multiply ? _mm256_mul_ps(b, f) : _mm256_div_ps(b, f));
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(c, d), 0xD8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(0x1001));  // even + 16 * odd
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
}

// bf16 values of the 16 codes of a block, low and high bytes apart.
struct Table {
    __m128i low, high;
};

static Table table_of(float step) {
    const __m256 magnitudes = _mm256_setr_ps(0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F);
    const __m256 v = _mm256_mul_ps(magnitudes, _mm256_set1_ps(step));
    const __m256i u = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i biased = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, biased), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i plus = _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), nan);
    const __m256i flip = _mm256_andnot_si256(nan, _mm256_set1_epi32(0x8000));
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(plus, _mm256_xor_si256(plus, flip)), 0xD8);
    const __m128i a = _mm256_castsi256_si128(words);
    const __m128i b = _mm256_extracti128_si256(words, 1);
    const __m128i byte = _mm_set1_epi16(0xFF);
    return {
        _mm_packus_epi16(_mm_and_si128(a, byte), _mm_and_si128(b, byte)),
        _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8))};
}

static void decode16(__m128i codes, const Table& table, kw_bf16* out) {
    const __m128i lo = _mm_shuffle_epi8(table.low, codes);
    const __m128i hi = _mm_shuffle_epi8(table.high, codes);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi8(lo, hi));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), _mm_unpackhi_epi8(lo, hi));
}

static void decode32(
    const uint8_t* codes, float mx, float nv0, float nv1, kw_bf16* mx_out, kw_bf16* nv_out) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i even = _mm_and_si128(packed, nibble);
    const __m128i odd = _mm_and_si128(_mm_srli_epi16(packed, 4), nibble);
    const __m128i first = _mm_unpacklo_epi8(even, odd);
    const __m128i second = _mm_unpackhi_epi8(even, odd);
    const Table table = table_of(mx);
    decode16(first, table, mx_out);
    decode16(second, table, mx_out + 16);
    decode16(first, table_of(nv0), nv_out);
    decode16(second, table_of(nv1), nv_out + 16);
}

static uint8_t encode_mx(__m256i a, __m256i b, uint32_t amax, uint8_t* out) {
    if (amax >= 0x7F80) {
        std::memset(out, 0, 16);
        return 0xFF;
    }
    const uint32_t field = amax >> 7;
    const uint32_t scale = field > 2 ? field - 2 : 0;
    const float inverse = from_bits((254 - scale) << 23);
    const uint64_t low = encode16<true>(a, inverse);
    const uint64_t high = encode16<true>(b, inverse);
    std::memcpy(out, &low, 8);
    std::memcpy(out + 8, &high, 8);
    return static_cast<uint8_t>(scale);
}

static uint8_t encode_nv(__m256i x, uint32_t amax, float ts, uint8_t* out) {
    std::memset(out, 0, 8);
    if (amax >= 0x7F80) {
        return 0x7F;
    }
    const float sixth = from_bits(amax << 16) / 6.0F;
    const uint8_t scale = to_e4m3(sixth / ts);
    const float step = from_e4m3(scale) * ts;
    if (step != 0) {
        const uint64_t codes = encode16<false>(x, step);
        std::memcpy(out, &codes, 8);
    }
    return scale;
}

void mxfp4_nvfp4_codec(
    const kw_bf16* x,
    const float* ts,
    const uint8_t* codes,
    const uint8_t* e8m0,
    const uint8_t* e4m3,
    uint8_t* mx_codes,
    uint8_t* mx_scales,
    uint8_t* nv_codes,
    uint8_t* nv_scales,
    kw_bf16* mx_values,
    kw_bf16* nv_values,
    int64_t R,
    int64_t C) {
    for (int64_t b = 0; b < R * C / 32; ++b) {
        const __m256i lo = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + b * 32));
        const __m256i hi = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + b * 32 + 16));
        const uint32_t max0 = max16(lo);
        const uint32_t max1 = max16(hi);
        mx_scales[b] = encode_mx(lo, hi, max0 > max1 ? max0 : max1, mx_codes + b * 16);
        nv_scales[2 * b] = encode_nv(lo, max0, *ts, nv_codes + b * 16);
        nv_scales[2 * b + 1] = encode_nv(hi, max1, *ts, nv_codes + b * 16 + 8);
        decode32(
            codes + b * 16,
            from_e8m0(e8m0[b]),
            from_e4m3(e4m3[2 * b]) * *ts,
            from_e4m3(e4m3[2 * b + 1]) * *ts,
            mx_values + b * 32,
            nv_values + b * 32);
    }
}
