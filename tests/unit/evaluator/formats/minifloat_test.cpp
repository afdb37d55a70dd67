// SPDX-License-Identifier: Apache-2.0
#include "evaluator/formats/minifloat.hpp"

#include "tests/support/catch.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace kw::formats;

namespace {

constexpr float k_inf = std::numeric_limits<float>::infinity();
constexpr float k_nan = std::numeric_limits<float>::quiet_NaN();

std::uint32_t bits(float x) {
    return std::bit_cast<std::uint32_t>(x);
}

// Between two neighbours `low` and `high` with codes n and n + 1: the midpoint goes to the even
// code, anything beside it to the nearer one. True for all pairs = round to nearest even.
template <class Encode>
int misrounded(float low, float high, int code, Encode encode) {
    const float middle = low + (high - low) / 2;
    const int even = code % 2 == 0 ? code : code + 1;
    int wrong = 0;
    wrong += encode(middle) == even ? 0 : 1;
    wrong += encode(std::nextafter(middle, 0.0F)) == code ? 0 : 1;
    wrong += encode(std::nextafter(middle, k_inf)) == code + 1 ? 0 : 1;
    wrong += encode(low) == code ? 0 : 1;
    return wrong;
}

// Every non-negative code below `last`, and the mirror image with the sign bit.
template <class Encode, class Decode>
int misrounded_pairs(int last, int sign, Encode encode, Decode decode) {
    int wrong = 0;
    for (int code = 0; code < last; ++code) {
        wrong += misrounded(decode(code), decode(code + 1), code, encode);
        wrong += misrounded(
            decode(code), decode(code + 1), code, [&](float x) { return encode(-x) - sign; });
    }
    return wrong;
}

}  // namespace

TEST_CASE("minifloat: every bf16 pattern survives the way to f32 and back") {
    int wrong = 0;
    for (std::uint32_t h = 0; h < 0x10000; ++h) {
        const auto code = static_cast<std::uint16_t>(h);
        const float value = bf16_to_f32(code);
        const bool nan = (code & 0x7FFF) > 0x7F80;
        wrong += std::isnan(value) == nan ? 0 : 1;
        wrong += f32_to_bf16(value) == (nan ? k_bf16_nan : code) ? 0 : 1;
        wrong += bits(value) == h << 16 ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("minifloat: every f16 pattern survives the way to f32 and back") {
    int wrong = 0;
    for (std::uint32_t h = 0; h < 0x10000; ++h) {
        const auto code = static_cast<std::uint16_t>(h);
        const float value = f16_to_f32(code);
        const bool nan = (code & 0x7FFF) > 0x7C00;
        wrong += std::isnan(value) == nan ? 0 : 1;
        wrong += f32_to_f16(value) == (nan ? k_f16_nan : code) ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("minifloat: f16 values follow the IEEE formula") {
    int wrong = 0;
    for (int code = 0; code < 0x7C00; ++code) {
        const int exponent = code >> 10;
        const int mantissa = code & 0x3FF;
        const double want =
            exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
        wrong += f16_to_f32(static_cast<std::uint16_t>(code)) == want ? 0 : 1;
        wrong += f16_to_f32(static_cast<std::uint16_t>(code | 0x8000)) == -want ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(f16_to_f32(0x7C00) == k_inf);
    CHECK(f16_to_f32(0xFC00) == -k_inf);
}

TEST_CASE("minifloat: f32 to f16 rounds to nearest even between all neighbours") {
    const int wrong = misrounded_pairs(
        0x7BFF,
        0x8000,
        [](float x) { return static_cast<int>(f32_to_f16(x)); },
        [](int code) { return f16_to_f32(static_cast<std::uint16_t>(code)); });
    CHECK(wrong == 0);
}

TEST_CASE("minifloat: f32 to bf16 rounds to nearest even between all neighbours") {
    // Pair 0/1 has its midpoint at 2^-134, exact in f32: subnormals are covered too.
    const int wrong = misrounded_pairs(
        0x7F7F,
        0x8000,
        [](float x) { return static_cast<int>(f32_to_bf16(x)); },
        [](int code) { return bf16_to_f32(static_cast<std::uint16_t>(code)); });
    CHECK(wrong == 0);
}

TEST_CASE("minifloat: overflow of the 16 bit formats gives infinity and NaN is canonical") {
    CHECK(f32_to_f16(65519.996F) == 0x7BFF);
    CHECK(f32_to_f16(65520.0F) == 0x7C00);
    CHECK(f32_to_f16(-k_inf) == 0xFC00);
    CHECK(f32_to_f16(-k_nan) == 0x7E00);
    CHECK(f32_to_f16(-0.0F) == 0x8000);
    CHECK(f32_to_bf16(std::numeric_limits<float>::max()) == 0x7F80);
    CHECK(f32_to_bf16(k_inf) == 0x7F80);
    CHECK(f32_to_bf16(std::bit_cast<float>(0x7F800001U)) == 0x7FC0);
    CHECK(f32_to_bf16(std::bit_cast<float>(0xFFFFFFFFU)) == 0x7FC0);
}

TEST_CASE("minifloat: e2m1 has the eight magnitudes of the specification") {
    const float want[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
    for (int code = 0; code < 8; ++code) {
        CHECK(e2m1_to_f32(code) == want[code]);
        CHECK(e2m1_to_f32(code | 8) == -want[code]);
        CHECK(f32_to_e2m1(want[code]) == code);
        CHECK(f32_to_e2m1(-want[code]) == (code | 8));
    }
    CHECK(std::signbit(e2m1_to_f32(8)));
}

TEST_CASE("minifloat: every e4m3 code survives the way to f32 and back") {
    for (int code = 0; code < 256; ++code) {
        const auto byte = static_cast<std::uint8_t>(code);
        const bool nan = (code & 0x7F) == 0x7F;
        CHECK(std::isnan(e4m3_to_f32(byte)) == nan);
        CHECK(f32_to_e4m3(e4m3_to_f32(byte)) == (nan ? k_e4m3_nan : byte));
    }
    CHECK(e4m3_to_f32(0x01) == 0x1p-9F);
    CHECK(e4m3_to_f32(0x08) == 0x1p-6F);
    CHECK(e4m3_to_f32(0x38) == 1.0F);
    CHECK(e4m3_to_f32(0x7E) == 448.0F);
}

TEST_CASE("minifloat: the mini formats round to nearest even between all neighbours") {
    const MiniFormat formats[] = {k_e2m1, k_e2m3, k_e3m2, k_e4m3};
    for (const MiniFormat& format : formats) {
        const int sign = 1 << (format.exponent_bits + format.mantissa_bits);
        const int wrong = misrounded_pairs(
            format.max_code,
            sign,
            [&](float x) { return f32_to_mini(format, x); },
            [&](int code) { return mini_to_f32(format, code); });
        CHECK(wrong == 0);
    }
    CHECK(mini_to_f32(k_e2m3, 0x1F) == 7.5F);
    CHECK(mini_to_f32(k_e2m3, 1) == 0.125F);
    CHECK(mini_to_f32(k_e3m2, 0x1F) == 28.0F);
    CHECK(mini_to_f32(k_e3m2, 1) == 0.0625F);
}

TEST_CASE("minifloat: the mini formats saturate") {
    CHECK(f32_to_e2m1(6.5F) == 7);
    CHECK(f32_to_e2m1(-1e30F) == 15);
    CHECK(f32_to_e2m1(k_inf) == 7);
    CHECK(f32_to_e2m1(-0.0F) == 8);
    CHECK(f32_to_e4m3(464.0F) == 0x7E);
    CHECK(f32_to_e4m3(-k_inf) == 0xFE);
    CHECK(f32_to_e4m3(k_nan) == 0x7F);
    CHECK(f32_to_e4m3(0x1p-149F) == 0);
    CHECK(f32_to_e4m3(-0.0F) == 0x80);
}

TEST_CASE("minifloat: e8m0 codes are the powers of two of the specification") {
    for (int code = 0; code < 255; ++code) {
        CHECK(e8m0_to_f32(static_cast<std::uint8_t>(code)) == std::ldexp(1.0, code - 127));
        CHECK(e8m0_from_exponent(code - 127) == code);
    }
    CHECK(std::isnan(e8m0_to_f32(0xFF)));
    CHECK(e8m0_from_exponent(-200) == 0);
    CHECK(e8m0_from_exponent(128) == 0xFF);
}
