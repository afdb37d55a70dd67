// SPDX-License-Identifier: Apache-2.0
// A start source: correct everywhere, slow as it stands. Tiles of tokens with a running maximum;
// the parameters decide what is shared between the query heads of a group and how sums are laid
// out.
#include "int4_kv_attention.h"

#include <cmath>
#include <cstdint>
#include <cstring>

// Tokens a tile; divides the group of 128.
//!tune TILE = {8, 16, 32, 64, 128}
#define TILE 8
// Unpack a tile once for all query heads, or again for every one.
//!tune SHARE = {0, 1}
#define SHARE 0
// Fold scale and zero of the keys into the query once a group, or apply them to every element.
//!tune FOLD = {0, 1}
#define FOLD 0
// Partial sums of a dot product.
//!tune LANES = {1, 8, 16, 32}
#define LANES 1
// Exponential: 0 the library's, 1 a polynomial over the whole tile.
//!tune FAST_EXP = {0, 1}
#define FAST_EXP 0

namespace {

constexpr int k_channels = 128;
constexpr int k_group = 128;
constexpr int k_max_heads = 16;

float from_f16(kw_f16 h) {
    _Float16 x;
    std::memcpy(&x, &h, sizeof x);
    return static_cast<float>(x);
}

kw_f16 to_f16(float x) {
    const _Float16 h = static_cast<_Float16>(x);
    kw_f16 bits;
    std::memcpy(&bits, &h, sizeof bits);
    return bits;
}

// Low nibbles first, then high ones: even channels in 0..63, odd ones in 64..127.
void unpack(const std::uint8_t* bytes, int count, float (*codes)[k_channels]) {
    for (int t = 0; t < count; ++t) {
        for (int j = 0; j < k_channels / 2; ++j) {
            codes[t][j] = static_cast<float>(bytes[t * 64 + j] & 15);
            codes[t][64 + j] = static_cast<float>(bytes[t * 64 + j] >> 4);
        }
    }
}

int place(int c) {
    return c / 2 + (c % 2) * 64;
}

float dot(const float* a, const float* b) {
    float lane[LANES] = {};
    for (int c = 0; c < k_channels; c += LANES) {
        for (int i = 0; i < LANES; ++i) {
            lane[i] += a[c + i] * b[c + i];
        }
    }
    float sum = 0;
    for (int i = 0; i < LANES; ++i) {
        sum += lane[i];
    }
    return sum;
}

// e^x for x <= 0, two units in the last place.
inline float fast_exp(float x) {
    const float n = std::nearbyint(x * 1.44269504F);
    float r = x - n * 0.693359375F;
    r = r + n * 2.12194440e-4F;
    float p = 1.3888889e-3F;
    p = p * r + 8.3333333e-3F;
    p = p * r + 4.1666667e-2F;
    p = p * r + 1.6666667e-1F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const float bounded = n < -126.0F ? -126.0F : n;
    const std::int32_t bits = (static_cast<std::int32_t>(bounded) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return x < -87.0F ? 0.0F : p * power;
}

// One query head on its way through the cache; channels stand as unpack() places them.
struct Head {
    float query[k_channels];
    float folded[k_channels];
    float sum[k_channels];
    float score[TILE];
    float offset, largest, total, zeros;
};

// Scales and zeros of a group, placed.
struct Group {
    float scale[k_channels];
    float zero[k_channels];
};

void start(Head& head, const kw_f16* q) {
    for (int c = 0; c < k_channels; ++c) {
        head.query[place(c)] = from_f16(q[c]) * 0.08838834764831845F;
        head.sum[c] = 0;
    }
    head.largest = -INFINITY;
    head.total = 0;
    head.zeros = 0;
}

void fold(Head& head, const Group& group) {
    for (int c = 0; c < k_channels; ++c) {
        head.folded[c] = head.query[c] * group.scale[c];
    }
    head.offset = dot(head.query, group.zero);
}

void score_tile(Head& head, const Group& group, const float (*codes)[k_channels], int count) {
    for (int t = 0; t < count; ++t) {
#if FOLD
        (void)group;
        head.score[t] = dot(head.folded, codes[t]) + head.offset;
#else
        float key[k_channels];
        for (int c = 0; c < k_channels; ++c) {
            key[c] = codes[t][c] * group.scale[c] + group.zero[c];
        }
        head.score[t] = dot(head.query, key);
#endif
    }
}

void soften_tile(Head& head, int count) {
    float largest = head.largest;
    for (int t = 0; t < count; ++t) {
        largest = head.score[t] > largest ? head.score[t] : largest;
    }
    if (largest > head.largest) {
        const float shrink = std::exp(head.largest - largest);
        for (int c = 0; c < k_channels; ++c) {
            head.sum[c] *= shrink;
        }
        head.total *= shrink;
        head.zeros *= shrink;
        head.largest = largest;
    }
#if FAST_EXP
    for (int t = count; t < TILE; ++t) {
        head.score[t] = largest - 100.0F;
    }
    for (int t = 0; t < TILE; ++t) {
        head.score[t] = fast_exp(head.score[t] - largest);
    }
#else
    for (int t = 0; t < count; ++t) {
        head.score[t] = std::exp(head.score[t] - largest);
    }
#endif
    for (int t = 0; t < count; ++t) {
        head.total += head.score[t];
    }
}

void add_tile(
    Head& head,
    const float (*codes)[k_channels],
    const kw_f16* scale,
    const kw_f16* zero,
    int count) {
    float sum[k_channels];
    std::memcpy(sum, head.sum, sizeof sum);
    for (int t = 0; t < count; ++t) {
        const float weight = head.score[t] * from_f16(scale[t]);
        for (int c = 0; c < k_channels; ++c) {
            sum[c] += weight * codes[t][c];
        }
        head.zeros += head.score[t] * from_f16(zero[t]);
    }
    std::memcpy(head.sum, sum, sizeof sum);
}

// What a key/value head reads.
struct Cache {
    const std::uint8_t* k_codes;
    const kw_f16* k_scale;
    const kw_f16* k_zero;
    const std::uint8_t* v_codes;
    const kw_f16* v_scale;
    const kw_f16* v_zero;
};

void attend_tile(
    const Cache& cache, Head* head, std::int64_t heads, Group& group, std::int64_t t, int count) {
    alignas(64) float codes[TILE][k_channels];
    if (t % k_group == 0) {
        for (int c = 0; c < k_channels; ++c) {
            group.scale[place(c)] = from_f16(cache.k_scale[t + c]);
            group.zero[place(c)] = from_f16(cache.k_zero[t + c]);
        }
    }
    for (std::int64_t g = 0; g < heads; ++g) {
        if (!SHARE || g == 0) {
            unpack(cache.k_codes + t * 64, count, codes);
        }
        if (FOLD && t % k_group == 0) {
            fold(head[g], group);
        }
        score_tile(head[g], group, codes, count);
        soften_tile(head[g], count);
    }
    for (std::int64_t g = 0; g < heads; ++g) {
        if (!SHARE || g == 0) {
            unpack(cache.v_codes + t * 64, count, codes);
        }
        add_tile(head[g], codes, cache.v_scale + t, cache.v_zero + t, count);
    }
}

void attend(const Cache& cache, const kw_f16* q, kw_f16* y, std::int64_t heads, std::int64_t L) {
    Head head[k_max_heads];
    Group group;
    for (std::int64_t g = 0; g < heads; ++g) {
        start(head[g], q + g * k_channels);
    }
    for (std::int64_t t = 0; t < L; t += TILE) {
        attend_tile(cache, head, heads, group, t, static_cast<int>(L - t < TILE ? L - t : TILE));
    }
    for (std::int64_t g = 0; g < heads; ++g) {
        for (int c = 0; c < k_channels; ++c) {
            y[g * k_channels + c] = to_f16((head[g].sum[place(c)] + head[g].zeros) / head[g].total);
        }
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
    const std::int64_t groups = (L + k_group - 1) / k_group;
    for (std::int64_t h = 0; h < B * HK; ++h) {
        const Cache cache = {
            k_codes + h * L * 64,
            k_scale + h * groups * k_channels,
            k_zero + h * groups * k_channels,
            v_codes + h * L * 64,
            v_scale + h * L,
            v_zero + h * L};
        attend(cache, q + h * G * k_channels, y + h * G * k_channels, G, L);
    }
}
