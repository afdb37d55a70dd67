// SPDX-License-Identifier: Apache-2.0
#include "evaluator/formats/mx.hpp"
#include "evaluator/formats/nf4.hpp"
#include "evaluator/formats/nvfp4.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

using namespace kw::formats;

namespace {

constexpr float k_inf = std::numeric_limits<float>::infinity();
constexpr float k_nan = std::numeric_limits<float>::quiet_NaN();

template <std::size_t N>
std::array<float, N> wave(float amplitude) {
    std::array<float, N> x{};
    for (std::size_t i = 0; i < N; ++i) {
        x[i] = amplitude * std::sin(1.7F * static_cast<float>(i) + 0.3F);
    }
    return x;
}

}  // namespace

TEST_CASE("mx: the floor recipe takes the power of two below amax over four") {
    for (int exponent = -126; exponent <= 127; ++exponent) {
        auto x = wave<k_mx_block>(0);
        x[5] = std::ldexp(-1.75F, exponent);
        const Mxfp4Block block = encode_mxfp4(x.data());
        const int want = exponent - 2 < -127 ? 0 : exponent - 2 + 127;
        CHECK(block.scale == want);
        CHECK(decode_mxfp4(block.scale, block.codes[5]) <= std::ldexp(-1.5F, exponent));
    }
}

TEST_CASE("mx: the floor recipe saturates at six steps and the ceil recipe does not") {
    auto x = wave<k_mx_block>(0.5F);
    x[0] = 7.9F;
    const Mxfp4Block low = encode_mxfp4(x.data(), MxRecipe::floor);
    CHECK(decode_mxfp4(low.scale, low.codes[0]) == 6.0F);
    const Mxfp4Block high = encode_mxfp4(x.data(), MxRecipe::ceil);
    CHECK(decode_mxfp4(high.scale, high.codes[0]) == 8.0F);
    x[0] = 6.0F;
    CHECK(encode_mxfp4(x.data(), MxRecipe::ceil).scale == 127);
}

TEST_CASE("mx: representable values survive encoding and decoding") {
    for (int scale = 3; scale < 252; ++scale) {
        std::array<float, k_mx_block> x{};
        for (int i = 0; i < k_mx_block; ++i) {
            x[static_cast<std::size_t>(i)] = decode_mxfp4(static_cast<std::uint8_t>(scale), i % 16);
        }
        const Mxfp4Block block = encode_mxfp4(x.data());
        REQUIRE(block.scale == scale);
        for (int i = 0; i < k_mx_block; ++i) {
            REQUIRE(block.codes[static_cast<std::size_t>(i)] == i % 16);
        }
    }
}

TEST_CASE("mx: a zero block has the least scale and a poisoned one has a NaN scale") {
    std::array<float, k_mx_block> x{};
    x[3] = -0.0F;
    const Mxfp4Block zero = encode_mxfp4(x.data());
    CHECK(zero.scale == 0);
    CHECK(zero.codes[0] == 0);
    CHECK(zero.codes[3] == 8);
    for (const float poison : {k_nan, k_inf, -k_inf}) {
        x[31] = poison;
        const Mxfp4Block block = encode_mxfp4(x.data());
        CHECK(block.scale == k_e8m0_nan);
        CHECK(std::isnan(decode_mxfp4(block.scale, block.codes[0])));
    }
}

TEST_CASE("nvfp4: the block maximum comes back within the rounding of its scale") {
    for (float amplitude = 1e-3F; amplitude < 1e4F; amplitude *= 1.37F) {
        const auto x = wave<k_nvfp4_block>(amplitude);
        const float tensor_scale = nvfp4_tensor_scale(2 * amplitude);
        const Nvfp4Block block = encode_nvfp4(x.data(), tensor_scale);
        const float step = e4m3_to_f32(block.scale) * tensor_scale;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const float y = decode_nvfp4(block.scale, block.codes[i], tensor_scale);
            // Widest gap of E2M1 is 2 steps; the scale itself is within 2^-4.
            CHECK(std::fabs(y - x[i]) <= 1.0F * step + std::fabs(x[i]) * 0.0625F);
        }
    }
}

TEST_CASE("nvfp4: a scale that rounds to zero or overflows is defined") {
    const auto x = wave<k_nvfp4_block>(1.0F);
    const Nvfp4Block vanished = encode_nvfp4(x.data(), 1e6F);
    CHECK(vanished.scale == 0);
    for (const std::uint8_t code : vanished.codes) {
        CHECK(code == 0);
    }
    const Nvfp4Block saturated = encode_nvfp4(x.data(), 1e-30F);
    CHECK(saturated.scale == 0x7E);
    CHECK((saturated.codes[0] & 7) == 7);
    auto poisoned = x;
    poisoned[7] = k_inf;
    CHECK(encode_nvfp4(poisoned.data(), 1.0F).scale == k_e4m3_nan);
}

TEST_CASE("nf4: every code decodes to a value that encodes to the code") {
    for (std::size_t code = 0; code < 16; ++code) {
        CHECK(nf4_code(k_nf4_values[code]) == code);
        CHECK(nf4_neighbour(k_nf4_values[code], nf4_code(k_nf4_values[code]), 1e-6) == code);
    }
}

TEST_CASE("nf4: thresholds are the midpoints and equality takes the lower code") {
    for (std::size_t i = 0; i < k_nf4_thresholds.size(); ++i) {
        const double middle = (double{k_nf4_values[i]} + double{k_nf4_values[i + 1]}) / 2;
        const float threshold = k_nf4_thresholds[i];
        CHECK(std::fabs(threshold - middle) <= 0x1p-23 * std::fabs(middle));
        CHECK(nf4_code(threshold) == i);
        CHECK(nf4_code(std::nextafter(threshold, 2.0F)) == i + 1);
        CHECK(nf4_neighbour(threshold, nf4_code(threshold), 0x1p-20) == i + 1);
        const float above = std::nextafter(threshold, 2.0F);
        CHECK(nf4_neighbour(above, nf4_code(above), 0x1p-20) == i);
        CHECK(
            nf4_neighbour(threshold * 1.001, nf4_code(threshold * 1.001), 0x1p-20) ==
            nf4_code(threshold * 1.001));
    }
}

TEST_CASE("nf4: absmax is NaN for a block that is not finite and zero for a zero block") {
    auto w = wave<k_nf4_block>(0.02F);
    w[63] = -0.5F;
    CHECK(nf4_absmax(w.data()) == 0.5F);
    w[0] = k_inf;
    CHECK(std::isnan(nf4_absmax(w.data())));
    w[0] = k_nan;
    CHECK(std::isnan(nf4_absmax(w.data())));
    CHECK(nf4_absmax(wave<k_nf4_block>(0).data()) == 0);
    CHECK(nf4_code(0.0) == k_nf4_zero_code);
}
