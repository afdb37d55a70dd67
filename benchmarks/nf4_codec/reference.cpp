// SPDX-License-Identifier: Apache-2.0
// The oracle. One rounded f32 division, then the thresholds with strict '>'; a relative band of
// 2^-20 around them lets a multiplication by the reciprocal pass. Decoded values: one f32 product,
// rounded to bf16.
#include "nf4_codec_reference.h"

#include <cstdint>
#include <cstring>

namespace {

constexpr int k_block = 64;
constexpr float k_band = 0x1p-20F;

constexpr float k_values[16] = {
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

constexpr float k_thresholds[15] = {
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

// Bits of |w| order like the values, NaN last: the maximum also finds what is not finite.
std::uint32_t absmax_bits(const float* w) {
    std::uint32_t amax = 0;
    for (int i = 0; i < k_block; ++i) {
        const std::uint32_t a = bits_of(w[i]) & 0x7FFFFFFFU;
        amax = a > amax ? a : amax;
    }
    return amax;
}

// low and high: the codes when the value moves by the band. They differ only inside the band, where
// one of them is the code itself and the other the second one allowed.
void encode_block(const float* w, float absmax, std::uint8_t* want, std::uint8_t* alt) {
    std::int32_t code[k_block];
    std::int32_t other[k_block];
    for (int i = 0; i < k_block; ++i) {
        const float v = w[i] / absmax;
        const float below = v - k_band * v;
        const float above = v + k_band * v;
        std::int32_t n = 0;
        std::int32_t both = 0;
        for (const float threshold : k_thresholds) {
            n += v > threshold ? 1 : 0;
            both += (below > threshold ? 1 : 0) + (above > threshold ? 1 : 0);
        }
        code[i] = n;
        other[i] = both - n;
    }
    for (int j = 0; j < k_block / 2; ++j) {
        want[j] = static_cast<std::uint8_t>(code[2 * j] << 4 | code[2 * j + 1]);
        alt[j] = static_cast<std::uint8_t>(other[2 * j] << 4 | other[2 * j + 1]);
    }
}

void decode_block(const std::uint8_t* q, float absmax, kw_bf16* y) {
    kw_bf16 table[16];
    for (int c = 0; c < 16; ++c) {
        table[c] = to_bf16(k_values[c] * absmax);
    }
    for (int j = 0; j < k_block / 2; ++j) {
        y[2 * j] = table[q[j] >> 4];
        y[2 * j + 1] = table[q[j] & 15];
    }
}

}  // namespace

void nf4_codec_reference(
    const float* w,
    const std::uint8_t* q,
    const float* q_absmax,
    std::uint8_t* codes_want,
    std::uint8_t* codes_alt,
    float* absmax,
    kw_bf16* y,
    std::int64_t R,
    std::int64_t C) {
    for (std::int64_t b = 0; b < R * C / k_block; ++b) {
        const std::uint32_t amax = absmax_bits(w + b * k_block);
        std::uint8_t* want = codes_want + b * k_block / 2;
        std::uint8_t* alt = codes_alt + b * k_block / 2;
        absmax[b] = from_bits(amax >= 0x7F800000U ? 0x7FC00000U : amax);
        if (amax == 0 || amax >= 0x7F800000U) {
            std::memset(want, 0x77, k_block / 2);
            std::memset(alt, 0x77, k_block / 2);
        } else {
            encode_block(w + b * k_block, absmax[b], want, alt);
        }
        decode_block(q + b * k_block / 2, q_absmax[b], y + b * k_block);
    }
}
