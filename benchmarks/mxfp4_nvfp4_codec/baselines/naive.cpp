// SPDX-License-Identifier: Apache-2.0
// The loop a person would write first: one element after another, nothing shared between the parts.
#include "mxfp4_nvfp4_codec.h"

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

static const float k_e2m1[8] = {0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F};

static uint8_t to_e2m1(float x) {
    const float a = std::fabs(x);
    int code = 7;
    if (a <= 0.25F) {
        code = 0;
    } else if (a < 0.75F) {
        code = 1;
    } else if (a <= 1.25F) {
        code = 2;
    } else if (a < 1.75F) {
        code = 3;
    } else if (a <= 2.5F) {
        code = 4;
    } else if (a < 3.5F) {
        code = 5;
    } else if (a <= 5.0F) {
        code = 6;
    }
    return static_cast<uint8_t>(code | (std::signbit(x) ? 8 : 0));
}

static float from_e2m1(int code) {
    return (code & 8) != 0 ? -k_e2m1[code & 7] : k_e2m1[code & 7];
}

static uint8_t to_e4m3(float a) {
    if (a > 448.0F) {
        return 0x7E;
    }
    if (a == 0) {
        return 0;
    }
    int exponent = 0;
    std::frexp(a, &exponent);  // a = m * 2^exponent with m in [0.5, 1)
    exponent = exponent - 1 < -6 ? -6 : exponent - 1;
    const int units = static_cast<int>(std::nearbyint(std::ldexp(a, 3 - exponent)));
    return static_cast<uint8_t>(units + ((exponent + 6) << 3));
}

static float from_e4m3(uint8_t code) {
    const int exponent = (code >> 3) & 15;
    const int mantissa = code & 7;
    if ((code & 0x7F) == 0x7F) {
        return NAN;
    }
    const float a = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                  : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    return (code & 0x80) != 0 ? -a : a;
}

static float from_e8m0(uint8_t code) {
    return code == 0xFF ? NAN : std::ldexp(1.0F, code - 127);
}

// Largest magnitude of a block, infinite when an element is NaN or infinite.
static float block_max(const kw_bf16* x, int count) {
    float amax = 0;
    for (int i = 0; i < count; ++i) {
        const float a = std::fabs(from_bf16(x[i]));
        if (!std::isfinite(a)) {
            return INFINITY;
        }
        amax = std::fmax(amax, a);
    }
    return amax;
}

static uint8_t encode_mx(const kw_bf16* x, uint8_t* codes) {
    const float amax = block_max(x, 32);
    if (std::isinf(amax)) {
        std::memset(codes, 0, 16);
        return 0xFF;
    }
    int exponent = amax > 0 ? std::ilogb(amax) - 2 : -127;
    exponent = exponent < -127 ? -127 : exponent;
    const float step = std::ldexp(1.0F, exponent);
    for (int j = 0; j < 16; ++j) {
        const int low = to_e2m1(from_bf16(x[2 * j]) / step);
        const int high = to_e2m1(from_bf16(x[2 * j + 1]) / step);
        codes[j] = static_cast<uint8_t>(low | high << 4);
    }
    return static_cast<uint8_t>(exponent + 127);
}

static uint8_t encode_nv(const kw_bf16* x, float ts, uint8_t* codes) {
    const float amax = block_max(x, 16);
    std::memset(codes, 0, 8);
    if (std::isinf(amax)) {
        return 0x7F;
    }
    const float sixth = amax / 6.0F;
    const uint8_t scale = to_e4m3(sixth / ts);
    const float step = from_e4m3(scale) * ts;
    if (step == 0) {
        return scale;
    }
    for (int j = 0; j < 8; ++j) {
        const int low = to_e2m1(from_bf16(x[2 * j]) / step);
        const int high = to_e2m1(from_bf16(x[2 * j + 1]) / step);
        codes[j] = static_cast<uint8_t>(low | high << 4);
    }
    return scale;
}

static void decode(const uint8_t* codes, int count, float step, kw_bf16* values) {
    for (int j = 0; j < count / 2; ++j) {
        values[2 * j] = to_bf16(from_e2m1(codes[j] & 15) * step);
        values[2 * j + 1] = to_bf16(from_e2m1(codes[j] >> 4) * step);
    }
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
        mx_scales[b] = encode_mx(x + b * 32, mx_codes + b * 16);
    }
    for (int64_t b = 0; b < R * C / 16; ++b) {
        nv_scales[b] = encode_nv(x + b * 16, *ts, nv_codes + b * 8);
    }
    for (int64_t b = 0; b < R * C / 32; ++b) {
        decode(codes + b * 16, 32, from_e8m0(e8m0[b]), mx_values + b * 32);
    }
    for (int64_t b = 0; b < R * C / 16; ++b) {
        decode(codes + b * 8, 16, from_e4m3(e4m3[b]) * *ts, nv_values + b * 16);
    }
}
