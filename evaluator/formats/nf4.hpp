// SPDX-License-Identifier: Apache-2.0
// NF4: 4-bit codes into 16 quantiles of the normal distribution, one f32 absmax a block (64).
// Source: QLoRA (arXiv 2305.14314), appendix E; thresholds as bitsandbytes compares them.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kw::formats {

inline constexpr int k_nf4_block = 64;
inline constexpr std::uint8_t k_nf4_zero_code = 7;

inline constexpr std::array<float, 16> k_nf4_values{
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

/// Threshold i lies between codes i and i + 1; a value above it (strictly) takes the higher code.
inline constexpr std::array<float, 15> k_nf4_thresholds{
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

/// Code of a value already divided by its block's absmax.
[[nodiscard]] inline std::uint8_t nf4_code(double normalised) {
    std::uint8_t code = 0;
    for (const float threshold : k_nf4_thresholds) {
        code = static_cast<std::uint8_t>(code + (normalised > threshold ? 1 : 0));
    }
    return code;
}

/// The other code allowed within `band` (relative) of a threshold; `code` itself elsewhere.
[[nodiscard]] inline std::uint8_t nf4_neighbour(double normalised, std::uint8_t code, double band) {
    const double slack = band * std::fabs(normalised);
    if (code < 15 && std::fabs(normalised - k_nf4_thresholds[code]) <= slack) {
        return static_cast<std::uint8_t>(code + 1);
    }
    if (code > 0 && std::fabs(normalised - k_nf4_thresholds[code - 1U]) <= slack) {
        return static_cast<std::uint8_t>(code - 1);
    }
    return code;
}

/// Largest magnitude of a block; NaN when any element is NaN or infinite.
[[nodiscard]] inline float nf4_absmax(const float* w, int count = k_nf4_block) {
    float amax = 0;
    for (int i = 0; i < count; ++i) {
        if (!std::isfinite(w[i])) {
            return std::numeric_limits<float>::quiet_NaN();
        }
        amax = std::fmax(amax, std::fabs(w[i]));
    }
    return amax;
}

}  // namespace kw::formats
