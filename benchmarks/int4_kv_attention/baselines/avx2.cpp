// SPDX-License-Identifier: Apache-2.0
// Hand-written AVX2: codes of 32 tokens are unpacked once for all query heads of a group, scale and
// zero are folded into the query, the softmax is taken tile by tile with a running maximum.
// Inside, a token's 128 channels stand in the order of the bytes: even channels, then odd ones,
// eight by eight.
#include "int4_kv_attention.h"

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int k_tile = 32;
constexpr int k_max_heads = 16;

float from_f16(kw_f16 h) {
    return _cvtsh_ss(h);
}

// Place of channel c inside: byte c / 2, low nibbles of eight bytes before their high nibbles.
int place(int c) {
    const int byte = c / 2;
    return byte / 8 * 16 + (c % 2) * 8 + byte % 8;
}

void unpack_token(const uint8_t* bytes, float* out) {
    const __m256i nibble = _mm256_set1_epi32(15);
    for (int j = 0; j < 64; j += 8) {
        const __m128i raw = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes + j));
        const __m256i wide = _mm256_cvtepu8_epi32(raw);
        const __m256i low = _mm256_and_si256(wide, nibble);
        const __m256i high = _mm256_srli_epi32(wide, 4);
        _mm256_store_ps(out + 2 * j, _mm256_cvtepi32_ps(low));
        _mm256_store_ps(out + 2 * j + 8, _mm256_cvtepi32_ps(high));
    }
}

// e^x for x <= 0: 2^n * 2^f with f in [-0.5, 0.5], a polynomial of degree 6 (2 ulp); NaN passes.
__m256 exp8(__m256 x) {
    const __m256 least = _mm256_set1_ps(-87.0F);
    const __m256 vanished = _mm256_cmp_ps(x, least, _CMP_LT_OQ);
    const __m256 n = _mm256_round_ps(
        _mm256_mul_ps(x, _mm256_set1_ps(1.44269504F)),
        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
    __m256 p = _mm256_set1_ps(1.3888889e-3F);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3333333e-3F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1666667e-2F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666667e-1F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    const __m256i bits = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    const __m256 y = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), bits));
    return _mm256_andnot_ps(vanished, y);
}

float sum8(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

float max8(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// One query head on its way through the cache.
struct Head {
    alignas(32) float query[128];   // as given, times 1 / sqrt(128), in channel order
    alignas(32) float folded[128];  // times the group's scales, in place order
    alignas(32) float sum[128];     // of p * v_scale * code, in place order
    alignas(32) float score[k_tile];
    float offset;  // sum of query * zero of the group
    float largest, total, zeros;
};

void start(Head& head, const kw_f16* q) {
    for (int c = 0; c < 128; ++c) {
        head.query[c] = from_f16(q[c]) * 0.08838834764831845F;
    }
    std::memset(head.sum, 0, sizeof head.sum);
    head.largest = -INFINITY;
    head.total = 0;
    head.zeros = 0;
}

void fold(Head& head, const kw_f16* scale, const kw_f16* zero) {
    __m256 offset = _mm256_setzero_ps();
    alignas(32) float scaled[128];
    for (int c = 0; c < 128; c += 8) {
        const __m256 q = _mm256_load_ps(head.query + c);
        const __m256 s =
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scale + c)));
        const __m256 z =
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(zero + c)));
        _mm256_store_ps(scaled + c, _mm256_mul_ps(q, s));
        offset = _mm256_fmadd_ps(q, z, offset);
    }
    for (int c = 0; c < 128; ++c) {
        head.folded[place(c)] = scaled[c];
    }
    head.offset = sum8(offset);
}

// Scores of a tile, four tokens at a time; absent tokens score minus infinity.
void score_tile(Head& head, const float* codes, int count) {
    for (int t = 0; t < k_tile; t += 4) {
        __m256 a[4] = {};
        for (int c = 0; c < 128; c += 8) {
            const __m256 q = _mm256_load_ps(head.folded + c);
            for (int i = 0; i < 4; ++i) {
                a[i] = _mm256_fmadd_ps(q, _mm256_load_ps(codes + (t + i) * 128 + c), a[i]);
            }
        }
        const __m256 b = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
        const __m128 s = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
        _mm_store_ps(head.score + t, _mm_add_ps(s, _mm_set1_ps(head.offset)));
    }
    for (int t = count; t < k_tile; ++t) {
        head.score[t] = -INFINITY;
    }
}

// Scores become weights; sums so far shrink when the maximum grows.
void soften_tile(Head& head) {
    __m256 m = _mm256_load_ps(head.score);
    for (int t = 8; t < k_tile; t += 8) {
        m = _mm256_max_ps(m, _mm256_load_ps(head.score + t));
    }
    const float largest = max8(m);
    if (largest > head.largest) {
        const float shrink = std::exp(head.largest - largest);
        for (float& x : head.sum) {
            x *= shrink;
        }
        head.total *= shrink;
        head.zeros *= shrink;
        head.largest = largest;
    }
    __m256 total = _mm256_setzero_ps();
    for (int t = 0; t < k_tile; t += 8) {
        const __m256 s = _mm256_load_ps(head.score + t);
        const __m256 p = exp8(_mm256_sub_ps(s, _mm256_set1_ps(head.largest)));
        _mm256_store_ps(head.score + t, p);
        total = _mm256_add_ps(total, p);
    }
    head.total += sum8(total);
}

void add_tile(Head& head, const float* codes, const float* scale, const float* zero, int count) {
    for (int half = 0; half < 128; half += 64) {
        __m256 sum[8];
        for (int i = 0; i < 8; ++i) {
            sum[i] = _mm256_load_ps(head.sum + half + 8 * i);
        }
        for (int t = 0; t < count; ++t) {
            const __m256 w = _mm256_set1_ps(head.score[t] * scale[t]);
            const float* code = codes + t * 128 + half;
            for (int i = 0; i < 8; ++i) {
                sum[i] = _mm256_fmadd_ps(w, _mm256_load_ps(code + 8 * i), sum[i]);
            }
        }
        for (int i = 0; i < 8; ++i) {
            _mm256_store_ps(head.sum + half + 8 * i, sum[i]);
        }
    }
    for (int t = 0; t < count; ++t) {
        head.zeros += head.score[t] * zero[t];
    }
}

void finish(const Head& head, kw_f16* y) {
    const float inverse = 1.0F / head.total;
    for (int c = 0; c < 128; ++c) {
        y[c] = _cvtss_sh((head.sum[place(c)] + head.zeros) * inverse, _MM_FROUND_TO_NEAREST_INT);
    }
}

// What a key/value head reads.
struct Cache {
    const uint8_t* k_codes;
    const kw_f16* k_scale;
    const kw_f16* k_zero;
    const uint8_t* v_codes;
    const kw_f16* v_scale;
    const kw_f16* v_zero;
};

void attend(const Cache& cache, const kw_f16* q, kw_f16* y, int heads, int64_t L) {
    Head head[k_max_heads];
    alignas(32) float codes[k_tile * 128] = {};
    float scale[k_tile];
    float zero[k_tile];
    for (int g = 0; g < heads; ++g) {
        start(head[g], q + g * 128);
    }
    for (int64_t first = 0; first < L; first += k_tile) {
        const int count = static_cast<int>(L - first < k_tile ? L - first : k_tile);
        for (int t = 0; t < count; ++t) {
            unpack_token(cache.k_codes + (first + t) * 64, codes + t * 128);
        }
        for (int g = 0; g < heads; ++g) {
            if (first % 128 == 0) {
                fold(head[g], cache.k_scale + first, cache.k_zero + first);
            }
            score_tile(head[g], codes, count);
            soften_tile(head[g]);
        }
        for (int t = 0; t < count; ++t) {
            unpack_token(cache.v_codes + (first + t) * 64, codes + t * 128);
            scale[t] = from_f16(cache.v_scale[first + t]);
            zero[t] = from_f16(cache.v_zero[first + t]);
        }
        for (int g = 0; g < heads; ++g) {
            add_tile(head[g], codes, scale, zero, count);
        }
    }
    for (int g = 0; g < heads; ++g) {
        finish(head[g], y + g * 128);
    }
}

}  // namespace

void int4_kv_attention(
    const kw_f16* q,
    const uint8_t* k_codes,
    const kw_f16* k_scale,
    const kw_f16* k_zero,
    const uint8_t* v_codes,
    const kw_f16* v_scale,
    const kw_f16* v_zero,
    kw_f16* y,
    int64_t B,
    int64_t HK,
    int64_t G,
    int64_t L) {
    const int64_t groups = (L + 127) / 128;
    for (int64_t h = 0; h < B * HK; ++h) {
        const Cache cache = {
            k_codes + h * L * 64,
            k_scale + h * groups * 128,
            k_zero + h * groups * 128,
            v_codes + h * L * 64,
            v_scale + h * L,
            v_zero + h * L};
        attend(cache, q + h * G * 128, y + h * G * 128, static_cast<int>(G), L);
    }
}
