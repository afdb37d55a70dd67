// SPDX-License-Identifier: Apache-2.0
// The loop a person would write first: every query head walks the cache on its own, token by token,
// with a running maximum. Nothing is shared between the heads of a group.
#include "int4_kv_attention.h"

#include <cmath>
#include <cstdint>
#include <cstring>

static float from_f16(kw_f16 h) {
    _Float16 x;
    std::memcpy(&x, &h, sizeof x);
    return static_cast<float>(x);
}

static kw_f16 to_f16(float x) {
    const _Float16 h = static_cast<_Float16>(x);
    kw_f16 bits;
    std::memcpy(&bits, &h, sizeof bits);
    return bits;
}

static int code_of(const uint8_t* token, int c) {
    return c % 2 == 0 ? token[c / 2] & 15 : token[c / 2] >> 4;
}

static float score(const float* q, const uint8_t* token, const kw_f16* scale, const kw_f16* zero) {
    float sum = 0;
    for (int c = 0; c < 128; ++c) {
        const float code = static_cast<float>(code_of(token, c));
        sum += q[c] * (code * from_f16(scale[c]) + from_f16(zero[c]));
    }
    return sum / std::sqrt(128.0F);
}

static void attend(
    const kw_f16* q,
    const uint8_t* k_codes,
    const kw_f16* k_scale,
    const kw_f16* k_zero,
    const uint8_t* v_codes,
    const kw_f16* v_scale,
    const kw_f16* v_zero,
    kw_f16* y,
    int64_t L) {
    float query[128];
    for (int c = 0; c < 128; ++c) {
        query[c] = from_f16(q[c]);
    }
    float largest = -INFINITY;
    float total = 0;
    float sum[128] = {};
    for (int64_t t = 0; t < L; ++t) {
        const int64_t group = t / 128;
        const float s = score(query, k_codes + t * 64, k_scale + group * 128, k_zero + group * 128);
        if (s > largest) {  // what was summed so far counts less
            const float shrink = std::exp(largest - s);
            largest = s;
            total *= shrink;
            for (int c = 0; c < 128; ++c) {
                sum[c] *= shrink;
            }
        }
        const float p = std::exp(s - largest);
        total += p;
        for (int c = 0; c < 128; ++c) {
            const float code = static_cast<float>(code_of(v_codes + t * 64, c));
            sum[c] += p * (code * from_f16(v_scale[t]) + from_f16(v_zero[t]));
        }
    }
    for (int c = 0; c < 128; ++c) {
        y[c] = to_f16(sum[c] / total);
    }
}

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
        for (int64_t g = 0; g < G; ++g) {
            attend(
                q + (h * G + g) * 128,
                k_codes + h * L * 64,
                k_scale + h * groups * 128,
                k_zero + h * groups * 128,
                v_codes + h * L * 64,
                v_scale + h * L,
                v_zero + h * L,
                y + (h * G + g) * 128,
                L);
        }
    }
}
