// SPDX-License-Identifier: Apache-2.0
// The oracle: every operation of the task's text, in its order. Loops of 16 and 32 over plain
// arrays so that the compiler vectorises them.
#include "mxfp4_nvfp4_codec_reference.h"

#include <cstdint>
#include <cstring>

namespace {

constexpr int k_mx = 32;
constexpr int k_nv = 16;
constexpr std::uint32_t k_not_finite = 0x7F80;  // bf16 magnitudes from here on

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

// Round to nearest even; every NaN becomes 0x7FC0.
kw_bf16 to_bf16(float x) {
    const std::uint32_t u = bits_of(x);
    const std::uint32_t rounded = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16;
    return static_cast<kw_bf16>((u & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded);
}

// Code of a magnitude: one comparison a midpoint; '>=' where the tie goes up to an even code.
std::uint32_t e2m1_magnitude(float a) {
    return static_cast<std::uint32_t>(
        (a > 0.25F) + (a >= 0.75F) + (a > 1.25F) + (a >= 1.75F) + (a > 2.5F) + (a >= 3.5F) +
        (a > 5.0F));
}

constexpr float k_e2m1[16] = {
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

// `a` is not negative and not NaN; infinity saturates.
std::uint8_t to_e4m3(float a) {
    if (a > 448.0F) {
        return 0x7E;
    }
    if (a < 0x1p-6F) {  // subnormal: units of 2^-9; adding 2^14 leaves them rounded in the low bits
        return static_cast<std::uint8_t>(bits_of(a + 16384.0F) - bits_of(16384.0F));
    }
    const std::uint32_t u = bits_of(a);
    const std::uint32_t rounded = (u + 0x7FFFFU + ((u >> 20) & 1U)) >> 20;
    return static_cast<std::uint8_t>(rounded - ((127 - 7) << 3));
}

float from_e4m3(std::uint8_t code) {
    const int exponent = (code >> 3) & 15;
    const int mantissa = code & 7;
    if ((code & 0x7F) == 0x7F) {
        return from_bits(0x7FC00000U);
    }
    const float a = exponent == 0 ? static_cast<float>(mantissa) * 0x1p-9F
                                  : from_bits(
                                        static_cast<std::uint32_t>(exponent + 120) << 23 |
                                        static_cast<std::uint32_t>(mantissa) << 20);
    return (code & 0x80) != 0 ? -a : a;
}

std::uint32_t amax_bits(const kw_bf16* x, int count) {
    std::uint16_t amax = 0;
    for (int i = 0; i < count; ++i) {
        const auto a = static_cast<std::uint16_t>(x[i] & 0x7FFF);
        amax = a > amax ? a : amax;
    }
    return amax;
}

// Codes of `count` elements, whose magnitudes are divided by `step`.
void encode(const kw_bf16* x, int count, float step, std::uint8_t* out) {
    std::uint32_t code[k_mx];
    for (int i = 0; i < count; ++i) {
        const float a = from_bits(static_cast<std::uint32_t>(x[i] & 0x7FFF) << 16);
        code[i] = e2m1_magnitude(a / step) | static_cast<std::uint32_t>(x[i] & 0x8000) >> 12;
    }
    for (int j = 0; j < count / 2; ++j) {
        out[j] = static_cast<std::uint8_t>(code[2 * j] | code[2 * j + 1] << 4);
    }
}

std::uint8_t encode_mx(const kw_bf16* x, std::uint8_t* out) {
    const std::uint32_t amax = amax_bits(x, k_mx);
    if (amax >= k_not_finite) {
        std::memset(out, 0, k_mx / 2);
        return 0xFF;
    }
    // The exponent field is floor(log2 amax) + 127; that of a subnormal is 0, below the clamp too.
    const std::uint32_t field = amax >> 7;
    const std::uint32_t scale = field > 2 ? field - 2 : 0;
    encode(x, k_mx, from_bits(scale == 0 ? 0x00400000U : scale << 23), out);
    return static_cast<std::uint8_t>(scale);
}

std::uint8_t encode_nv(const kw_bf16* x, float tensor_scale, std::uint8_t* out) {
    const std::uint32_t amax = amax_bits(x, k_nv);
    std::memset(out, 0, k_nv / 2);
    if (amax >= k_not_finite) {
        return 0x7F;
    }
    const float sixth = from_bits(amax << 16) / 6.0F;
    const std::uint8_t scale = to_e4m3(sixth / tensor_scale);
    const float step = from_e4m3(scale) * tensor_scale;
    if (step != 0) {
        encode(x, k_nv, step, out);
    }
    return scale;
}

void decode(const std::uint8_t* codes, int count, float step, kw_bf16* out) {
    kw_bf16 table[16];
    for (int c = 0; c < 16; ++c) {
        table[c] = to_bf16(k_e2m1[c] * step);
    }
    for (int j = 0; j < count / 2; ++j) {
        out[2 * j] = table[codes[j] & 15];
        out[2 * j + 1] = table[codes[j] >> 4];
    }
}

float from_e8m0(std::uint8_t code) {
    const std::uint32_t field = code;
    return from_bits(code == 0xFF ? 0x7FC00000U : code == 0 ? 0x00400000U : field << 23);
}

}  // namespace

void mxfp4_nvfp4_codec_reference(
    const kw_bf16* x,
    const float* ts,
    const std::uint8_t* codes,
    const std::uint8_t* e8m0,
    const std::uint8_t* e4m3,
    std::uint8_t* mx_codes,
    std::uint8_t* mx_scales,
    std::uint8_t* nv_codes,
    std::uint8_t* nv_scales,
    kw_bf16* mx_values,
    kw_bf16* nv_values,
    std::int64_t R,
    std::int64_t C) {
    for (std::int64_t b = 0; b < R * C / k_mx; ++b) {
        mx_scales[b] = encode_mx(x + b * k_mx, mx_codes + b * k_mx / 2);
        decode(codes + b * k_mx / 2, k_mx, from_e8m0(e8m0[b]), mx_values + b * k_mx);
    }
    for (std::int64_t b = 0; b < R * C / k_nv; ++b) {
        nv_scales[b] = encode_nv(x + b * k_nv, *ts, nv_codes + b * k_nv / 2);
        decode(codes + b * k_nv / 2, k_nv, from_e4m3(e4m3[b]) * *ts, nv_values + b * k_nv);
    }
}
