// SPDX-License-Identifier: Apache-2.0
// MXFP4: 32 x E2M1 with one E8M0 scale. Source: OCP Microscaling Formats 1.0, section 6; the scale
// recipe `floor` is that of the specification and microxcaling, `ceil` that of cuDNN.
#pragma once

#include "evaluator/formats/minifloat.hpp"

#include <array>
#include <cmath>
#include <cstdint>

namespace kw::formats {

inline constexpr int k_mx_block = 32;

enum class MxRecipe {
    floor,  ///< 2^(floor(log2 amax) - 2): elements above 6 scales saturate
    ceil,   ///< amax / 6 rounded up to a power of two: nothing saturates
};

/// Codes one a byte, in the order of the elements: packing is a matter of layout (linear, ggml's
/// split order), not of the format.
struct Mxfp4Block {
    std::uint8_t scale = 0;  ///< E8M0
    std::array<std::uint8_t, k_mx_block> codes{};
};

[[nodiscard]] inline int mx_scale_exponent(float amax, MxRecipe recipe) {
    if (recipe == MxRecipe::floor) {
        return std::ilogb(amax) - 2;
    }
    int exponent = 0;
    const double fraction = std::frexp(static_cast<double>(amax) / 6.0, &exponent);
    return fraction > 0.5 ? exponent : exponent - 1;  // an exact power of two stays
}

/// NaN or infinity in the block: scale 0xFF, codes 0. All zero: scale 0x00, codes +-0.
[[nodiscard]] inline Mxfp4Block encode_mxfp4(const float* x, MxRecipe recipe = MxRecipe::floor) {
    Mxfp4Block block;
    float amax = 0;
    for (int i = 0; i < k_mx_block; ++i) {
        if (!std::isfinite(x[i])) {
            block.scale = k_e8m0_nan;
            return block;
        }
        amax = std::fmax(amax, std::fabs(x[i]));
    }
    const int wanted = amax == 0 ? -127 : mx_scale_exponent(amax, recipe);
    block.scale = e8m0_from_exponent(wanted);
    for (int i = 0; i < k_mx_block; ++i) {  // ldexp in double: no underflow before rounding
        const double scaled = std::ldexp(static_cast<double>(x[i]), 127 - block.scale);
        block.codes[static_cast<std::size_t>(i)] = f32_to_e2m1(static_cast<float>(scaled));
    }
    return block;
}

/// code * 2^(scale - 127) in f32; NaN when the scale is.
[[nodiscard]] inline float decode_mxfp4(std::uint8_t scale, int code) {
    return e2m1_to_f32(code) * e8m0_to_f32(scale);
}

}  // namespace kw::formats
