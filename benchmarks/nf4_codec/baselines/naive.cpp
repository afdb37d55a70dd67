// SPDX-License-Identifier: Apache-2.0
// The loop a person would write first: element by element, one division and a walk over the
// thresholds.
#include "nf4_codec.h"

#include <cmath>
#include <cstdint>
#include <cstring>

static const float k_values[16] = {
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

static kw_bf16 to_bf16(float x) {
    if (std::isnan(x)) {
        return 0x7FC0;
    }
    uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return static_cast<kw_bf16>((u + 0x7FFFU + ((u >> 16) & 1U)) >> 16);
}

static int encode(float v) {
    int code = 0;
    while (code < 15 && v > k_thresholds[code]) {
        ++code;
    }
    return code;
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
        const float* row = w + b * 64;
        float amax = 0;
        bool finite = true;
        for (int i = 0; i < 64; ++i) {
            finite = finite && std::isfinite(row[i]);
            amax = std::fmax(amax, std::fabs(row[i]));
        }
        absmax[b] = finite ? amax : NAN;
        for (int j = 0; j < 32; ++j) {
            const bool plain = finite && amax > 0;
            const int high = plain ? encode(row[2 * j] / amax) : 7;
            const int low = plain ? encode(row[2 * j + 1] / amax) : 7;
            codes[b * 32 + j] = static_cast<uint8_t>(high << 4 | low);
        }
        for (int j = 0; j < 32; ++j) {
            const uint8_t byte = q[b * 32 + j];
            y[b * 64 + 2 * j] = to_bf16(k_values[byte >> 4] * q_absmax[b]);
            y[b * 64 + 2 * j + 1] = to_bf16(k_values[byte & 15] * q_absmax[b]);
        }
    }
}
