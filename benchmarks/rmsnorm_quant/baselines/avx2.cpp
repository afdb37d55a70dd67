// SPDX-License-Identifier: Apache-2.0
// Hand-written AVX2: one pass over memory (sum, squares, maxima), one over the row in the cache
// that quantises r * gamma * 127 / max, 16 elements at a time.
#include "rmsnorm_quant.h"

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>

static __m256 widen(__m128i h) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

static __m256 load8(const kw_bf16* p) {
    return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// bf16 bits in 32-bit lanes.
static __m256i round_bf16(__m256 x) {
    const __m256i u = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, bias), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), nan);
}

struct Facts {
    __m256i bits = _mm256_setzero_si256();  // largest |r|, as f32 bits
    __m256 squares0 = _mm256_setzero_ps();
    __m256 squares1 = _mm256_setzero_ps();
    __m256 product = _mm256_setzero_ps();  // largest |r * gamma|
};

static void note(Facts& f, __m256 r, __m256 g, __m256& squares) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    f.bits = _mm256_max_epu32(f.bits, _mm256_castps_si256(_mm256_andnot_ps(sign, r)));
    squares = _mm256_fmadd_ps(r, r, squares);
    f.product = _mm256_max_ps(f.product, _mm256_andnot_ps(sign, _mm256_mul_ps(r, g)));
}

static void add16(const kw_bf16* x, const kw_bf16* gamma, kw_bf16* row, Facts& f) {
    const __m256i a = round_bf16(_mm256_add_ps(load8(row), load8(x)));
    const __m256i b = round_bf16(_mm256_add_ps(load8(row + 8), load8(x + 8)));
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row), packed);
    note(f, _mm256_castsi256_ps(_mm256_slli_epi32(a, 16)), load8(gamma), f.squares0);
    note(f, _mm256_castsi256_ps(_mm256_slli_epi32(b, 16)), load8(gamma + 8), f.squares1);
}

static __m256i code8(const kw_bf16* row, const kw_bf16* gamma, __m256 factor) {
    const __m256 product = _mm256_mul_ps(load8(row), load8(gamma));
    return _mm256_cvtps_epi32(_mm256_mul_ps(product, factor));
}

static void codes16(const kw_bf16* row, const kw_bf16* gamma, __m256 factor, int8_t* out) {
    const __m256i words = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(code8(row, gamma, factor), code8(row + 8, gamma + 8, factor)), 0xD8);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
}

static float sum8(__m256 v) {
    float lane[8];
    _mm256_storeu_ps(lane, v);
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static float max8(__m256 v) {
    float lane[8];
    _mm256_storeu_ps(lane, v);
    float m = 0;
    for (float x : lane) {
        m = x > m ? x : m;
    }
    return m;
}

static float max8_bits(__m256i v) {
    uint32_t lane[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lane), v);
    uint32_t m = 0;
    for (uint32_t x : lane) {
        m = x > m ? x : m;
    }
    float f;
    std::memcpy(&f, &m, sizeof f);
    return f;
}

// The last H % 16 elements go through a padded copy: zeros change neither sum nor maxima.
static void row_quant(
    const kw_bf16* x, const kw_bf16* gamma, kw_bf16* row, int8_t* codes, float* scale, int64_t H) {
    const int64_t whole = H / 16 * 16;
    const size_t rest = static_cast<size_t>(H - whole);
    kw_bf16 xs[16] = {};
    kw_bf16 gs[16] = {};
    kw_bf16 rs[16] = {};
    std::memcpy(xs, x + whole, rest * 2);
    std::memcpy(gs, gamma + whole, rest * 2);
    std::memcpy(rs, row + whole, rest * 2);
    Facts f;
    for (int64_t h = 0; h < whole; h += 16) {
        add16(x + h, gamma + h, row + h, f);
    }
    add16(xs, gs, rs, f);
    std::memcpy(row + whole, rs, rest * 2);
    const float largest = max8_bits(f.bits);
    const float product = max8(f.product);
    const bool poisoned = !(largest < 0x1p60F);
    if (poisoned || largest < 0x1p-60F || product == 0) {
        *scale = poisoned ? NAN : 0.0F;
        std::memset(codes, 0, static_cast<size_t>(H));
        return;
    }
    const float mean = sum8(_mm256_add_ps(f.squares0, f.squares1)) / static_cast<float>(H);
    *scale = product / std::sqrt(mean + 1e-6F) / 127.0F;
    const __m256 factor = _mm256_set1_ps(127.0F / product);
    for (int64_t h = 0; h < whole; h += 16) {
        codes16(row + h, gamma + h, factor, codes + h);
    }
    int8_t last[16];
    codes16(rs, gs, factor, last);
    std::memcpy(codes + whole, last, rest);
}

void rmsnorm_quant(
    const kw_bf16* x,
    const kw_bf16* gamma,
    kw_bf16* residual,
    int8_t* codes,
    float* scale,
    int64_t M,
    int64_t H) {
    for (int64_t m = 0; m < M; ++m) {
        row_quant(x + m * H, gamma, residual + m * H, codes + m * H, scale + m, H);
    }
}
