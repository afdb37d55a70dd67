// SPDX-License-Identifier: Apache-2.0
// A start source: correct everywhere, slow as it stands. The parameters choose among ways to round
// and to decode; a way that the instruction set lacks falls back to the next simpler one.
#include "mxfp4_nvfp4_codec.h"

#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Rounding to E2M1: 0 branches, 1 sum of comparisons in plain loops, 2 integer arithmetic in plain
// loops, 3 AVX2.
//!tune ROUND = {0, 1, 2, 3}
#define ROUND 0
// Decoding: 0 element by element, 1 table of 16 values, 2 byte shuffles (AVX2).
//!tune DECODE = {0, 1, 2}
#define DECODE 0
// MXFP4: divide by the power of two, or multiply with its inverse (the same result).
//!tune INVERSE = {0, 1}
#define INVERSE 0
// One pass over the blocks for all four parts, or a pass each.
//!tune FUSE = {0, 1}
#define FUSE 0
// Distance in bytes of software prefetch of x; 0 = none.
//!tune PREFETCH = {0, 512, 2048}
#define PREFETCH 0

namespace {

std::uint32_t bits_of(float x) {
    std::uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}

float from_bits(std::uint32_t u) {
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

std::uint32_t to_bf16(float x) {
    const std::uint32_t u = bits_of(x);
    const std::uint32_t rounded = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16;
    return (u & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded;
}

std::uint8_t to_e4m3(float a) {
    if (a > 448.0F) {
        return 0x7E;
    }
    if (a < 0x1p-6F) {  // subnormal: adding 2^14 leaves units of 2^-9 in the low bits
        return static_cast<std::uint8_t>(bits_of(a + 16384.0F) - bits_of(16384.0F));
    }
    const std::uint32_t u = bits_of(a);
    return static_cast<std::uint8_t>(((u + 0x7FFFFU + ((u >> 20) & 1U)) >> 20) - 960U);
}

float from_e4m3(std::uint8_t code) {
    const std::uint32_t magnitude = code & 0x7FU;
    const std::uint32_t sign = (code & 0x80U) << 24;
    return magnitude == 0x7F ? from_bits(0x7FC00000U)
                             : from_bits(sign | magnitude << 20) * 0x1p120F;
}

float from_e8m0(std::uint8_t code) {
    const std::uint32_t field = code;
    return from_bits(code == 0xFF ? 0x7FC00000U : code == 0 ? 0x00400000U : field << 23);
}

std::uint32_t max16(const kw_bf16* x) {
    std::uint16_t amax = 0;
    for (int i = 0; i < 16; ++i) {
        const auto a = static_cast<std::uint16_t>(x[i] & 0x7FFF);
        amax = a > amax ? a : amax;
    }
    return amax;
}

// Codes of 16 quotients.
#if ROUND == 3 && defined(__AVX2__)
__m256i round8(const float* v) {
    const __m256 x = _mm256_load_ps(v);
    const __m256i sign = _mm256_srli_epi32(_mm256_castps_si256(x), 31);
    const __m256 a =
        _mm256_min_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0F), x), _mm256_set1_ps(6.0F));
    const __m256i u = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 22), _mm256_set1_epi32(1));
    const __m256i biased =
        _mm256_add_epi32(_mm256_add_epi32(u, odd), _mm256_set1_epi32(0x1FFFFF - (252 << 22)));
    const __m256i normal = _mm256_srli_epi32(biased, 22);
    const __m256 sum = _mm256_add_ps(a, _mm256_set1_ps(4194304.0F));
    const __m256i small = _mm256_and_si256(_mm256_castps_si256(sum), _mm256_set1_epi32(3));
    const __m256 below = _mm256_cmp_ps(a, _mm256_set1_ps(1.0F), _CMP_LT_OQ);
    const __m256i code = _mm256_blendv_epi8(normal, small, _mm256_castps_si256(below));
    return _mm256_or_si256(code, _mm256_slli_epi32(sign, 3));
}

void round16(const float* v, std::uint8_t* out) {
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(round8(v), round8(v + 8)), 0xD8);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    const __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(0x1001));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(pairs, pairs));
}
#else
std::uint32_t round1(float v) {
    const std::uint32_t sign = bits_of(v) >> 31 << 3;
    const float a = from_bits(bits_of(v) & 0x7FFFFFFFU);
#if ROUND >= 2
    const float b = a < 6.0F ? a : 6.0F;
    const std::uint32_t u = bits_of(b);
    const std::uint32_t normal = (u + 0x1FFFFFU + ((u >> 22) & 1U)) >> 22;
    const std::uint32_t small = bits_of(b + 4194304.0F) & 3U;  // below 1 the unit is 0.5
    return sign | (b < 1.0F ? small : normal - 252U);
#elif ROUND == 1
    return sign | static_cast<std::uint32_t>(
                      (a > 0.25F) + (a >= 0.75F) + (a > 1.25F) + (a >= 1.75F) + (a > 2.5F) +
                      (a >= 3.5F) + (a > 5.0F));
#else
    if (a <= 1.25F) {
        return sign | (a <= 0.25F ? 0U : a < 0.75F ? 1U : 2U);
    }
    if (a <= 2.5F) {
        return sign | (a < 1.75F ? 3U : 4U);
    }
    return sign | (a < 3.5F ? 5U : a <= 5.0F ? 6U : 7U);
#endif
}

void round16(const float* v, std::uint8_t* out) {
    std::uint32_t code[16];
    for (int i = 0; i < 16; ++i) {
        code[i] = round1(v[i]);
    }
    for (int j = 0; j < 8; ++j) {
        out[j] = static_cast<std::uint8_t>(code[2 * j] | code[2 * j + 1] << 4);
    }
}
#endif

template <bool Multiply>
void encode16(const kw_bf16* x, float factor, std::uint8_t* out) {
    alignas(32) float v[16];
    for (int i = 0; i < 16; ++i) {
        const float f = from_bits(static_cast<std::uint32_t>(x[i]) << 16);
        v[i] = Multiply ? f * factor : f / factor;
    }
    round16(v, out);
}

std::uint8_t encode_mx(const kw_bf16* x, std::uint8_t* out) {
    const std::uint32_t max0 = max16(x);
    const std::uint32_t max1 = max16(x + 16);
    const std::uint32_t amax = max0 > max1 ? max0 : max1;
    if (amax >= 0x7F80) {
        std::memset(out, 0, 16);
        return 0xFF;
    }
    const std::uint32_t field = amax >> 7;
    const std::uint32_t scale = field > 2 ? field - 2 : 0;
    const float factor =
        INVERSE ? from_bits((254 - scale) << 23) : from_e8m0(static_cast<std::uint8_t>(scale));
    encode16<INVERSE != 0>(x, factor, out);
    encode16<INVERSE != 0>(x + 16, factor, out + 8);
    return static_cast<std::uint8_t>(scale);
}

std::uint8_t encode_nv(const kw_bf16* x, float ts, std::uint8_t* out) {
    const std::uint32_t amax = max16(x);
    std::memset(out, 0, 8);
    if (amax >= 0x7F80) {
        return 0x7F;
    }
    const float sixth = from_bits(amax << 16) / 6.0F;
    const std::uint8_t scale = to_e4m3(sixth / ts);
    const float step = from_e4m3(scale) * ts;
    if (step != 0) {
        encode16<false>(x, step, out);
    }
    return scale;
}

const float k_e2m1[16] = {
    0.0F,
    0.5F,
    1.0F,
    1.5F,
    2.0F,
    3.0F,
    4.0F,
    6.0F,
    -0.0F,
    -0.5F,
    -1.0F,
    -1.5F,
    -2.0F,
    -3.0F,
    -4.0F,
    -6.0F};

// 16 elements.
#if DECODE == 2 && defined(__AVX2__)
void decode16(const std::uint8_t* codes, float step, kw_bf16* out) {
    const __m256 v = _mm256_mul_ps(_mm256_loadu_ps(k_e2m1), _mm256_set1_ps(step));
    const __m256i u = _mm256_castps_si256(v);
    const __m256i odd_bit = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i biased = _mm256_add_epi32(odd_bit, _mm256_set1_epi32(0x7FFF));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, biased), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i plus = _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), nan);
    const __m256i flip = _mm256_andnot_si256(nan, _mm256_set1_epi32(0x8000));
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(plus, _mm256_xor_si256(plus, flip)), 0xD8);
    const __m128i a = _mm256_castsi256_si128(words);
    const __m128i b = _mm256_extracti128_si256(words, 1);
    const __m128i byte = _mm_set1_epi16(0xFF);
    const __m128i low = _mm_packus_epi16(_mm_and_si128(a, byte), _mm_and_si128(b, byte));
    const __m128i high = _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8));
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
    const __m128i even = _mm_and_si128(packed, nibble);
    const __m128i odd = _mm_and_si128(_mm_srli_epi16(packed, 4), nibble);
    const __m128i order = _mm_unpacklo_epi8(even, odd);
    const __m128i lo = _mm_shuffle_epi8(low, order);
    const __m128i hi = _mm_shuffle_epi8(high, order);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi8(lo, hi));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), _mm_unpackhi_epi8(lo, hi));
}
#elif DECODE >= 1
void decode16(const std::uint8_t* codes, float step, kw_bf16* out) {
    kw_bf16 table[16];
    for (int c = 0; c < 16; ++c) {
        table[c] = static_cast<kw_bf16>(to_bf16(k_e2m1[c] * step));
    }
    for (int j = 0; j < 8; ++j) {
        out[2 * j] = table[codes[j] & 15];
        out[2 * j + 1] = table[codes[j] >> 4];
    }
}
#else
void decode16(const std::uint8_t* codes, float step, kw_bf16* out) {
    for (int i = 0; i < 16; ++i) {
        const int code = i % 2 == 0 ? codes[i / 2] & 15 : codes[i / 2] >> 4;
        out[i] = static_cast<kw_bf16>(to_bf16(k_e2m1[code] * step));
    }
}
#endif

void prefetch(const kw_bf16* x) {
    if (PREFETCH != 0) {
        __builtin_prefetch(reinterpret_cast<const char*>(x) + PREFETCH);
    }
}

}  // namespace

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
    const auto encode_both = [&](std::int64_t b) {
        prefetch(x + b * 32);
        mx_scales[b] = encode_mx(x + b * 32, mx_codes + b * 16);
        nv_scales[2 * b] = encode_nv(x + b * 32, *ts, nv_codes + b * 16);
        nv_scales[2 * b + 1] = encode_nv(x + b * 32 + 16, *ts, nv_codes + b * 16 + 8);
    };
    const auto decode_mx = [&](std::int64_t b) {
        const float step = from_e8m0(e8m0[b]);
        decode16(codes + b * 16, step, mx_values + b * 32);
        decode16(codes + b * 16 + 8, step, mx_values + b * 32 + 16);
    };
    const auto decode_nv = [&](std::int64_t b) {
        decode16(codes + b * 16, from_e4m3(e4m3[2 * b]) * *ts, nv_values + b * 32);
        decode16(codes + b * 16 + 8, from_e4m3(e4m3[2 * b + 1]) * *ts, nv_values + b * 32 + 16);
    };
    const std::int64_t blocks = R * C / 32;
#if FUSE
    for (std::int64_t b = 0; b < blocks; ++b) {
        encode_both(b);
        decode_mx(b);
        decode_nv(b);
    }
#else
    for (std::int64_t b = 0; b < blocks; ++b) {
        encode_both(b);
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
        decode_mx(b);
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
        decode_nv(b);
    }
#endif
}
