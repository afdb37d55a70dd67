// SPDX-License-Identifier: Apache-2.0
// The loop a person would write first: a pass for every line of the definition.
#include "rmsnorm_quant.h"

#include <cmath>
#include <cstdint>
#include <cstring>

static float from_bf16(kw_bf16 h) {
    const uint32_t u = static_cast<uint32_t>(h) << 16;
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

static kw_bf16 to_bf16(float x) {
    if (std::isnan(x)) {
        return 0x7FC0;
    }
    uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return static_cast<kw_bf16>((u + 0x7FFFU + ((u >> 16) & 1U)) >> 16);
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
        kw_bf16* row = residual + m * H;
        bool poisoned = false;
        float largest = 0;
        float sum = 0;
        for (int64_t h = 0; h < H; ++h) {
            row[h] = to_bf16(from_bf16(row[h]) + from_bf16(x[m * H + h]));
            const float r = from_bf16(row[h]);
            poisoned = poisoned || !(std::fabs(r) < 0x1p60F);
            largest = std::fmax(largest, std::fabs(r));
            sum += r * r;
        }
        const float inverse = 1.0F / std::sqrt(sum / static_cast<float>(H) + 1e-6F);
        float amax = 0;
        for (int64_t h = 0; h < H; ++h) {
            amax = std::fmax(amax, std::fabs(from_bf16(row[h]) * inverse * from_bf16(gamma[h])));
        }
        const bool zero = largest < 0x1p-60F || amax == 0;
        scale[m] = poisoned ? NAN : zero ? 0.0F : amax / 127.0F;
        for (int64_t h = 0; h < H; ++h) {
            const float n = from_bf16(row[h]) * inverse * from_bf16(gamma[h]);
            codes[m * H + h] =
                poisoned || zero ? 0 : static_cast<int8_t>(std::nearbyint(n / scale[m]));
        }
    }
}
