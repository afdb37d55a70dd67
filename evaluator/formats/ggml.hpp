// SPDX-License-Identifier: Apache-2.0
// ggml's Q4_0 and Q8_0 blocks, byte for byte: 32 elements, an f16 scale in front.
// Source: ggml (MIT), quantize_row_q4_0_ref and quantize_row_q8_0_ref.
#pragma once

#include "evaluator/formats/minifloat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

namespace kw::formats {

inline constexpr int k_ggml_block = 32;
/// f16 scale, then byte j with element j in the low and element j + 16 in the high nibble.
using Q4_0 = std::array<std::uint8_t, 18>;
/// f16 scale, then 32 signed bytes in [-127, 127].
using Q8_0 = std::array<std::uint8_t, 34>;

namespace detail {
inline void put_scale(std::uint8_t* to, float scale) {
    const std::uint16_t bits = f32_to_f16(scale);
    std::memcpy(to, &bits, 2);
}
[[nodiscard]] inline float get_scale(const std::uint8_t* from) {
    std::uint16_t bits;
    std::memcpy(&bits, from, 2);
    return f16_to_f32(bits);
}
}  // namespace detail

/// The element of largest magnitude becomes code 0 (-8): the scale carries its sign, negated. A
/// block of zeros has scale 0 and codes 8.
[[nodiscard]] inline Q4_0 to_q4_0(std::span<const float, k_ggml_block> x) {
    const float extreme = *std::max_element(
        x.begin(), x.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    const float scale = extreme / -8.0F;
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    const auto code = [&](std::size_t j) {
        return std::min(15, static_cast<int>(x[j] * inverse + 8.5F));
    };
    Q4_0 block{};
    detail::put_scale(block.data(), scale);
    for (std::size_t j = 0; j < 16; ++j) {
        block[2 + j] = static_cast<std::uint8_t>(code(j) | code(j + 16) << 4);
    }
    return block;
}

[[nodiscard]] inline std::array<float, k_ggml_block> from_q4_0(const Q4_0& block) {
    const float scale = detail::get_scale(block.data());
    std::array<float, k_ggml_block> x{};
    for (std::size_t j = 0; j < 16; ++j) {
        x[j] = scale * static_cast<float>((block[2 + j] & 15) - 8);
        x[j + 16] = scale * static_cast<float>((block[2 + j] >> 4) - 8);
    }
    return x;
}

/// Scale absmax / 127, codes rounded half away from zero.
[[nodiscard]] inline Q8_0 to_q8_0(std::span<const float, k_ggml_block> x) {
    float most = 0.0F;
    for (const float v : x) {
        most = std::max(most, std::fabs(v));
    }
    const float scale = most / 127.0F;
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    Q8_0 block{};
    detail::put_scale(block.data(), scale);
    for (std::size_t j = 0; j < x.size(); ++j) {
        const auto code = static_cast<std::int8_t>(std::round(x[j] * inverse));
        block[2 + j] = static_cast<std::uint8_t>(code);
    }
    return block;
}

[[nodiscard]] inline std::array<float, k_ggml_block> from_q8_0(const Q8_0& block) {
    const float scale = detail::get_scale(block.data());
    std::array<float, k_ggml_block> x{};
    for (std::size_t j = 0; j < x.size(); ++j) {
        x[j] = scale * static_cast<float>(static_cast<std::int8_t>(block[2 + j]));
    }
    return x;
}

}  // namespace kw::formats
