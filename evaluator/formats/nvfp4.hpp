// SPDX-License-Identifier: Apache-2.0
// NVFP4: 16 x E2M1 with one E4M3 scale (sign 0) and one f32 scale for the whole tensor.
// Source: NVIDIA's NVFP4 description; tensor scale = amax / (6 * 448).
#pragma once

#include "evaluator/formats/minifloat.hpp"

#include <array>
#include <cmath>
#include <cstdint>

namespace kw::formats {

inline constexpr int k_nvfp4_block = 16;

struct Nvfp4Block {
    std::uint8_t scale = 0;                           ///< E4M3, never negative
    std::array<std::uint8_t, k_nvfp4_block> codes{};  ///< one a byte
};

[[nodiscard]] inline float nvfp4_tensor_scale(float amax) {
    return amax / 2688.0F;
}

/// All arithmetic in f32, every operation rounded: scale = e4m3(amax / 6 / tensor_scale),
/// code = e2m1(x / (scale * tensor_scale)). That product zero: codes 0. NaN or infinity in the
/// block: scale 0x7F, codes 0.
[[nodiscard]] inline Nvfp4Block encode_nvfp4(const float* x, float tensor_scale) {
    Nvfp4Block block;
    float amax = 0;
    for (int i = 0; i < k_nvfp4_block; ++i) {
        if (!std::isfinite(x[i])) {
            block.scale = k_e4m3_nan;
            return block;
        }
        amax = std::fmax(amax, std::fabs(x[i]));
    }
    const float sixth = amax / 6.0F;
    block.scale = f32_to_e4m3(sixth / tensor_scale);
    const float step = e4m3_to_f32(block.scale) * tensor_scale;
    if (step == 0) {
        return block;
    }
    for (int i = 0; i < k_nvfp4_block; ++i) {
        block.codes[static_cast<std::size_t>(i)] = f32_to_e2m1(x[i] / step);
    }
    return block;
}

/// code * (scale * tensor_scale), two f32 products.
[[nodiscard]] inline float decode_nvfp4(std::uint8_t scale, int code, float tensor_scale) {
    const float step = e4m3_to_f32(scale) * tensor_scale;
    return e2m1_to_f32(code) * step;
}

}  // namespace kw::formats
