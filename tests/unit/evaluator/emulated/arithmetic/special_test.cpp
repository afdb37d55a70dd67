// SPDX-License-Identifier: Apache-2.0
// Reference: libm in long double. The ISA bounds the error of the approximations; ours are held to
// the nearest number but for cases within 2^-12 of a tie.
#include "tests/unit/evaluator/emulated/arithmetic/narrow.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <cmath>
#include <functional>

namespace kw::emu::test {

namespace {

using Function = std::function<long double(long double)>;

const std::vector<std::pair<std::string, Function>> k_functions = {
    {"sin",
     [](long double a) {
         return std::sin(a);
     }},
    {"cos",
     [](long double a) {
         return std::cos(a);
     }},
    {"lg2",
     [](long double a) {
         return std::log2(a);
     }},
    {"ex2", [](long double a) {
         return std::exp2(a);
     }}};

float flush(float a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0F, a) : a;
}

/// The nearest f32, or the other neighbour where the exact value is almost halfway.
bool nearly(float got, long double exact) {
    const auto near = static_cast<float>(exact);
    if (same(got, near)) {
        return true;
    }
    const long double error = std::fabs(static_cast<long double>(got) - exact);
    const float unit = std::nextafter(std::fabs(near), INFINITY) - std::fabs(near);
    return error <= unit * 0.50025L;
}

/// All exponents with some fractions; angles up to `limit`.
std::vector<float> arguments(float limit) {
    std::vector<float> values;
    for (const float value : some_floats(20000, 1)) {
        if (!(std::fabs(value) > limit) || std::isinf(value)) {
            values.push_back(value);
        }
    }
    Random random{2};
    for (int i = 0; i < 20000; ++i) {
        const auto part = static_cast<float>(static_cast<std::int64_t>(random.next())) * 0x1p-63F;
        values.push_back(part * std::min(limit, 150.0F));
        values.push_back(part * 4);
    }
    return values;
}

void check(const std::string& opcode, const Function& f, const std::vector<float>& in, bool ftz) {
    const auto got = evaluate<float>(opcode, in);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
        const float a = ftz ? flush(in[i]) : in[i];
        const long double exact = f(static_cast<long double>(a));
        const auto near = static_cast<float>(exact);
        const bool tiny = ftz && std::fpclassify(near) == FP_SUBNORMAL;
        const bool right = tiny ? got[i] == 0 && std::signbit(got[i]) == std::signbit(near)
                                : nearly(got[i], exact);
        if (!right && wrong < 3) {
            UNSCOPED_INFO(opcode << " of " << a << " gives " << got[i] << " for " << near);
        }
        wrong += right ? 0U : 1U;
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("arithmetic: approximations are as good as f32 can say") {
    KW_GOLDEN("special");
    KW_GOLDEN("tanh");
    for (const auto& [name, f] : k_functions) {
        const bool angle = name == "sin" || name == "cos";
        const std::vector<float> in = arguments(angle ? 0x1p22F : INFINITY);
        check(name + ".approx.f32", f, in, false);
        check(name + ".approx.ftz.f32", f, in, true);
    }
    const auto tanh = [](long double a) {
        return std::tanh(a);
    };
    check("tanh.approx.f32", tanh, arguments(INFINITY), false);
}

TEST_CASE("arithmetic: approximations at the edges are those of the tables of the ISA") {
    const float inf = INFINITY;
    const std::vector<float> in = {
        -inf, -0.0F, 0.0F, inf, NAN, -1.0F, 1.0F, 128.0F, -150.5F, 0x1p100F};
    const auto canonical = std::bit_cast<float>(0x7FFFFFFFU);
    const auto expect = [&](const std::string& opcode, const std::vector<float>& expected) {
        const auto got = evaluate<std::uint32_t>(opcode, in);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            INFO(opcode << " of " << in[i]);
            CHECK(got[i] == std::bit_cast<std::uint32_t>(expected[i]));
        }
    };
    expect("ex2.approx.f32", {0.0F, 1.0F, 1.0F, inf, canonical, 0.5F, 2.0F, inf, 0.0F, inf});
    expect(
        "lg2.approx.f32",
        {canonical, -inf, -inf, inf, canonical, canonical, 0.0F, 7.0F, canonical, 100.0F});
    expect("sin.approx.f32", {canonical, -0.0F, 0.0F, canonical, canonical});
    expect("cos.approx.f32", {canonical, 1.0F, 1.0F, canonical, canonical});
    expect("tanh.approx.f32", {-1.0F, -0.0F, 0.0F, 1.0F, canonical});
    // Angles nobody can reduce in f32 still give a sine.
    for (const float a :
         evaluate<float>("sin.approx.f32", std::vector<float>{1e30F, -3e38F, 1e15F})) {
        CHECK(std::fabs(a) <= 1.0F);
    }
}

TEST_CASE("arithmetic: approximations of every f16 and bf16") {
    KW_GOLDEN("special_f16");
    KW_GOLDEN("ex2_bf16");
    KW_GOLDEN("tanh_bf16");
    std::vector<std::uint16_t> in(0x10000);
    std::vector<std::uint32_t> pairs(0x10000);
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        in[i] = static_cast<std::uint16_t>(i);
        pairs[i] = i | ((i * 40503U + 7U) << 16);
    }
    const auto one = [](const NarrowFormat& format, long double exact) {
        return round_to(format, exact, Toward::nearest);
    };
    const auto check_type =
        [&](const std::string& opcode, bool brain, bool ftz, const Function& f) {
            const NarrowFormat& format = brain ? brain_format() : half_format();
            const auto value = [&](std::uint16_t bits) {
                return brain ? brain_value(bits) : half_value(bits);
            };
            const auto flushed = [&](std::uint32_t bits) {
                return ftz && (bits & 0x7F80U) == 0 ? bits & 0x8000U : bits;
            };
            std::vector<std::uint32_t> expected(0x10000);
            for (std::uint32_t i = 0; i < 0x10000; ++i) {
                const double a = value(static_cast<std::uint16_t>(flushed(i)));
                expected[i] = flushed(one(format, f(a)));
            }
            const auto got = evaluate<std::uint16_t>(opcode, in);
            const auto got2 = evaluate<std::uint32_t>(opcode + "x2", pairs);
            std::size_t wrong = 0;
            for (std::uint32_t i = 0; i < 0x10000; ++i) {
                // Rounded to f32 on the way: a neighbour is near enough.
                const auto off = [&](std::uint32_t x, std::uint32_t y) {
                    return x > y ? x - y : y - x;
                };
                wrong += off(got[i], expected[i]) > 1 ? 1U : 0U;
                wrong += (got2[i] & 0xFFFFU) != got[i] ? 1U : 0U;
                wrong += (got2[i] >> 16) != got[pairs[i] >> 16] ? 1U : 0U;
            }
            INFO(opcode);
            CHECK(wrong == 0);
        };
    const auto exp2 = [](long double a) {
        return std::exp2(a);
    };
    const auto tanh = [](long double a) {
        return std::tanh(a);
    };
    check_type("ex2.approx.f16", false, false, exp2);
    check_type("tanh.approx.f16", false, false, tanh);
    check_type("ex2.approx.ftz.bf16", true, true, exp2);
    check_type("tanh.approx.bf16", true, false, tanh);
}

}  // namespace kw::emu::test
