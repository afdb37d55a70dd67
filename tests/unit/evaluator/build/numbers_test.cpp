// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/build/numbers.hpp"

#include "core/csprng.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "tests/golden/w4a16_gemv.h"
#include "tests/support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

#ifdef __F16C__
#error "this file is the portable half of the comparison"
#endif

namespace {

using namespace kw;

double exact_value(std::uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const int fraction = half & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

/// Patterns where rounding is decided: every f16 value, the midpoints, and their neighbours.
std::vector<std::uint32_t> decisive_patterns() {
    std::vector<std::uint32_t> patterns;
    for (std::uint32_t half = 0; half < 0x7c00; ++half) {
        const auto low = static_cast<float>(exact_value(static_cast<std::uint16_t>(half)));
        const double next =
            half == 0x7bff ? 65536.0 : exact_value(static_cast<std::uint16_t>(half + 1));
        const auto middle = static_cast<float>((double{low} + next) / 2);
        for (const float value : {low, middle}) {
            for (const std::uint32_t step : {0xffffffffU, 0U, 1U}) {
                const std::uint32_t bits = kw_bits_of_f32(value) + step;
                patterns.push_back(bits);
                patterns.push_back(bits ^ 0x80000000U);
            }
        }
    }
    for (const std::uint32_t bits :
         {0x7f800000U,
          0x7f800001U,
          0x7fc00000U,
          0x7fffffffU,
          0x7f7fffffU,
          0x00000001U,
          0x007fffffU,
          0x33000000U}) {
        patterns.push_back(bits);
        patterns.push_back(bits ^ 0x80000000U);
    }
    return patterns;
}

TEST_CASE("numbers: every f16 is widened to its exact value") {
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const auto half = static_cast<std::uint16_t>(i);
        const float wide = kw_f16_to_f32(half);
        if ((half & 0x7c00) != 0x7c00) {
            REQUIRE(double{wide} == exact_value(half));
            REQUIRE(std::signbit(wide) == ((half & 0x8000) != 0));
        } else if ((half & 0x3ff) == 0) {
            REQUIRE(std::isinf(wide));
        } else {
            REQUIRE(std::isnan(wide));
        }
        const bool quiet_or_number =
            (half & 0x7c00) != 0x7c00 || (half & 0x3ff) == 0 || (half & 0x200) != 0;
        if (quiet_or_number) {
            REQUIRE(kw_f32_to_f16(wide) == half);
        }
    }
}

TEST_CASE("numbers: f32 to f16 rounds to the nearest even value") {
    for (const std::uint32_t bits : decisive_patterns()) {
        const float value = kw_f32_of_bits(bits);
        const std::uint16_t half = kw_f32_to_f16(value);
        if (std::isnan(value)) {
            REQUIRE((half & 0x7fff) > 0x7c00);
            continue;
        }
        const double wanted = std::fabs(double{value});
        if (wanted >= 65520.0) {
            REQUIRE((half & 0x7fff) == 0x7c00);
            continue;
        }
        const auto magnitude = static_cast<std::uint16_t>(half & 0x7fff);
        const double error = std::fabs(exact_value(magnitude) - wanted);
        for (const int step : {-1, 1}) {
            const int other = magnitude + step;
            if (other < 0 || other > 0x7c00) {
                continue;
            }
            const double there =
                other == 0x7c00 ? 65536.0 : exact_value(static_cast<std::uint16_t>(other));
            const double other_error = std::fabs(there - wanted);
            REQUIRE(error <= other_error);
            if (error == other_error) {
                REQUIRE((magnitude & 1) == 0);
            }
        }
    }
}

TEST_CASE("numbers: portable and F16C conversions agree on every bit") {
    if (!cpu::machine_has("x86-64-v3")) {
        WARN("this machine has no F16C");
        return;
    }
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const auto half = static_cast<std::uint16_t>(i);
        REQUIRE(kw_bits_of_f32(kw_f16_to_f32(half)) == kw_bits_of_f32(test::f16c_to_f32(half)));
    }
    std::vector<std::uint32_t> patterns = decisive_patterns();
    SecretStream stream(seed_from_text("numbers"), "f32");
    for (int i = 0; i < 200'000; ++i) {
        patterns.push_back(static_cast<std::uint32_t>(stream.next_u64()));
    }
    for (const std::uint32_t bits : patterns) {
        const float value = kw_f32_of_bits(bits);
        REQUIRE(kw_f32_to_f16(value) == test::f32_to_f16c(value));
    }
}

TEST_CASE("numbers: f32 to bf16 rounds to the nearest even value and keeps NaN") {
    SecretStream stream(seed_from_text("numbers"), "bf16");
    for (int i = 0; i < 200'000; ++i) {
        auto bits = static_cast<std::uint32_t>(stream.next_u64());
        if (i % 3 == 0) {
            bits = (bits & 0xffff0000U) | 0x8000U;  // a tie
        }
        const float value = kw_f32_of_bits(bits);
        const std::uint16_t half = kw_f32_to_bf16(value);
        const float back = kw_bf16_to_f32(half);
        if (std::isnan(value)) {
            REQUIRE(std::isnan(back));
            continue;
        }
        const std::uint32_t down = bits & 0xffff0000U;
        const std::uint32_t rest = bits & 0xffffU;
        const bool up = rest > 0x8000U || (rest == 0x8000U && (down & 0x10000U) != 0);
        REQUIRE(kw_bits_of_f32(back) == down + (up ? 0x10000U : 0U));
    }
    CHECK(std::isinf(kw_bf16_to_f32(kw_f32_to_bf16(std::numeric_limits<float>::infinity()))));
}

}  // namespace
