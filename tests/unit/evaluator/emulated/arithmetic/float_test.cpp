// SPDX-License-Identifier: Apache-2.0
// Reference: the processor itself, one operation at a time in the rounding mode that fesetround
// sets.
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <cfenv>
#include <cmath>
#include <functional>

namespace kw::emu::test {

namespace {

constexpr std::size_t k_count = 6144;

struct Direction {
    std::string name;
    int mode;
};
const std::vector<Direction> k_directions = {
    {".rn", FE_TONEAREST}, {".rz", FE_TOWARDZERO}, {".rm", FE_DOWNWARD}, {".rp", FE_UPWARD}};

/// f under another rounding mode; the volatile copies keep the operation where it is.
template <class T, class F, class... A>
T rounded(int mode, F f, A... args) {
    std::fesetround(mode);
    volatile T result = f(static_cast<volatile A&>(args)...);
    std::fesetround(FE_TONEAREST);
    return result;
}

float flush(float a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0F, a) : a;
}

float saturate(float a) {
    return a > 0 ? std::min(a, 1.0F) : 0.0F;
}

bool is_canonical(float a) {
    return a == a || std::bit_cast<std::uint32_t>(a) == 0x7FFFFFFFU;
}

/// Every direction, with and without .ftz and .sat, of an f32 operation.
template <class F, class... A>
void check_f32(const std::string& base, bool sat_too, F f, const std::vector<A>&... in) {
    for (const Direction& direction : k_directions) {
        for (const bool ftz : {false, true}) {
            for (const bool sat : {false, true}) {
                if (sat && !sat_too) {
                    continue;
                }
                const std::string opcode =
                    base + direction.name + (ftz ? ".ftz" : "") + (sat ? ".sat" : "") + ".f32";
                const auto got = evaluate<float>(opcode, in...);
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < got.size(); ++i) {
                    float expected = ftz ? flush(rounded<float>(direction.mode, f, flush(in[i])...))
                                         : rounded<float>(direction.mode, f, in[i]...);
                    expected = sat ? saturate(expected) : expected;
                    wrong += same(got[i], expected) && is_canonical(got[i]) ? 0U : 1U;
                }
                INFO(opcode);
                CHECK(wrong == 0);
            }
        }
    }
}

template <class F, class... A>
void check_f64(const std::string& base, F f, const std::vector<A>&... in) {
    for (const Direction& direction : k_directions) {
        const std::string opcode = base + direction.name + ".f64";
        const auto got = evaluate<double>(opcode, in...);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
            wrong += same(got[i], rounded<double>(direction.mode, f, in[i]...)) ? 0U : 1U;
        }
        INFO(opcode);
        CHECK(wrong == 0);
    }
}

template <class T>
struct Inputs {
    std::vector<T> a;
    std::vector<T> b;
    std::vector<T> c;
};

Inputs<float> floats() {
    return {some_floats(k_count, 1), some_floats(k_count, 2), some_floats(k_count, 3)};
}

Inputs<double> doubles() {
    return {some_doubles(k_count, 4), some_doubles(k_count, 5), some_doubles(k_count, 6)};
}

/// Sums that cancel to the last place and products that end near the subnormals.
Inputs<float> near_floats() {
    Inputs<float> in = floats();
    Random random{7};
    for (std::size_t i = 0; i < in.a.size(); ++i) {
        const float product = in.a[i] * in.b[i];
        const auto bits = std::bit_cast<std::uint32_t>(-product);
        in.c[i] = std::bit_cast<float>(bits + static_cast<std::uint32_t>(random.next() % 5) - 2);
        if (i % 3 == 0) {
            in.c[i] = std::ldexp(in.a[i], static_cast<int>(random.next() % 60) - 30);
        }
        if (i % 7 == 0) {
            in.a[i] = std::ldexp(in.a[i], -100);
            in.b[i] = std::ldexp(in.b[i], -40);
        }
    }
    return in;
}

Inputs<double> near_doubles() {
    Inputs<double> in = doubles();
    Random random{8};
    for (std::size_t i = 0; i < in.a.size(); ++i) {
        const double product = in.a[i] * in.b[i];
        const auto bits = std::bit_cast<std::uint64_t>(-product);
        in.c[i] = std::bit_cast<double>(bits + random.next() % 5 - 2);
        if (i % 3 == 0) {
            in.c[i] = std::ldexp(in.a[i], static_cast<int>(random.next() % 240) - 120);
        }
        if (i % 7 == 0) {
            in.a[i] = std::ldexp(in.a[i], -600);
            in.b[i] = std::ldexp(in.b[i], -430);
        }
    }
    return in;
}

const auto k_add = [](auto a, auto b) {
    return a + b;
};
const auto k_subtract = [](auto a, auto b) {
    return a - b;
};
const auto k_multiply = [](auto a, auto b) {
    return a * b;
};
const auto k_divide = [](auto a, auto b) {
    return a / b;
};
const auto k_fma = [](auto a, auto b, auto c) {
    return std::fma(+a, +b, +c);
};
const auto k_reciprocal = [](auto a) {
    return 1 / a;
};
const auto k_root = [](auto a) {
    return std::sqrt(+a);
};

}  // namespace

TEST_CASE("arithmetic: f32 sums and products round in four directions") {
    KW_GOLDEN("add_f32");
    KW_GOLDEN("mul_f32");
    for (const Inputs<float>& in : {floats(), near_floats()}) {
        check_f32("add", true, k_add, in.a, in.b);
        check_f32("add", true, k_add, in.a, in.c);
        check_f32("sub", true, k_subtract, in.a, in.b);
        check_f32("mul", true, k_multiply, in.a, in.b);
    }
}

TEST_CASE("arithmetic: f32 fma rounds once in four directions") {
    KW_GOLDEN("fma_f32");
    for (const Inputs<float>& in : {floats(), near_floats()}) {
        check_f32("fma", true, k_fma, in.a, in.b, in.c);
        check_f32("mad", true, k_fma, in.b, in.c, in.a);
    }
}

TEST_CASE("arithmetic: f32 quotients and roots round in four directions") {
    KW_GOLDEN("div_f32");
    KW_GOLDEN("rcp_f32");
    for (const Inputs<float>& in : {floats(), near_floats()}) {
        check_f32("div", false, k_divide, in.a, in.b);
        check_f32("rcp", false, k_reciprocal, in.a);
        check_f32("sqrt", false, k_root, in.a);
    }
}

TEST_CASE("arithmetic: operations without a rounding are rounded to nearest") {
    const Inputs<float> in = floats();
    const Inputs<double> wide = doubles();
    for (const std::string name : {"add", "sub", "mul"}) {
        CHECK(
            evaluate<std::uint32_t>(name + ".f32", in.a, in.b) ==
            evaluate<std::uint32_t>(name + ".rn.f32", in.a, in.b));
        CHECK(
            evaluate<std::uint64_t>(name + ".f64", wide.a, wide.b) ==
            evaluate<std::uint64_t>(name + ".rn.f64", wide.a, wide.b));
    }
}

TEST_CASE("arithmetic: f64 operations round in four directions") {
    KW_GOLDEN("add_f64");
    KW_GOLDEN("mul_f64");
    KW_GOLDEN("fma_f64");
    KW_GOLDEN("div_f64");
    KW_GOLDEN("rcp_f64");
    for (const Inputs<double>& in : {doubles(), near_doubles()}) {
        check_f64("add", k_add, in.a, in.b);
        check_f64("add", k_add, in.a, in.c);
        check_f64("sub", k_subtract, in.a, in.b);
        check_f64("mul", k_multiply, in.a, in.b);
        check_f64("fma", k_fma, in.a, in.b, in.c);
        check_f64("mad", k_fma, in.b, in.c, in.a);
        check_f64("div", k_divide, in.a, in.b);
        check_f64("rcp", k_reciprocal, in.a);
        check_f64("sqrt", k_root, in.a);
    }
}

TEST_CASE("arithmetic: the first NaN operand of an f64 operation is its result") {
    const std::uint64_t first = 0x7FF0000000000123U;
    const std::uint64_t second = 0xFFF8000000000456U;
    const std::uint64_t one = std::bit_cast<std::uint64_t>(1.0);
    const std::uint64_t infinity = 0x7FF0000000000000U;
    constexpr std::uint64_t quiet = std::uint64_t{1} << 51;
    const std::vector<std::uint64_t> a = {first, one, second, infinity};
    const std::vector<std::uint64_t> b = {second, first, one, infinity ^ (std::uint64_t{1} << 63)};
    for (const std::string rounding : {".rn", ".rz", ".rm", ".rp"}) {
        CHECK(
            evaluate<std::uint64_t>("add" + rounding + ".f64", a, b) ==
            std::vector<std::uint64_t>{first | quiet, first | quiet, second, 0xFFF8000000000000U});
    }
}

TEST_CASE("arithmetic: approximate division and roots stay within their error") {
    KW_GOLDEN("rsqrt");
    KW_GOLDEN("rcp_coarse");
    const Inputs<float> in = floats();
    const auto close = [](float got, long double exact, float ulps) {
        const auto near = static_cast<float>(exact);
        if (!(std::fabs(near) < INFINITY) || std::fabs(near) < 1e-37F) {
            return same(got, near) || (std::fabs(near) < 1e-37F && std::fabs(got) <= 2e-37F);
        }
        const float unit = std::nextafter(std::fabs(near), INFINITY) - std::fabs(near);
        return std::fabs(static_cast<long double>(got) - exact) <= ulps * unit;
    };
    const auto check = [&](const std::string& opcode, auto f, const auto&... operands) {
        const auto got = evaluate<float>(opcode, operands...);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
            wrong += close(got[i], f(static_cast<long double>(operands[i])...), 1.0F) ? 0U : 1U;
        }
        INFO(opcode);
        CHECK(wrong == 0);
    };
    const auto quotient = [](long double a, long double b) {
        const long double size = std::fabs(b);
        if (size > 0x1p126L && size < 0x1p128L) {
            return std::isfinite(a) ? std::copysign(0.0L, a) * std::copysign(1.0L, b)
                                    : static_cast<long double>(NAN);
        }
        return a / b;
    };
    check("div.approx.f32", quotient, in.a, in.b);
    check("div.full.f32", k_divide, in.a, in.b);
    check("rcp.approx.f32", k_reciprocal, in.a);
    check("sqrt.approx.f32", k_root, in.a);
    check(
        "rsqrt.approx.f32", [](long double a) { return 1 / std::sqrt(a); }, in.a);
    const auto flushed_root = [](long double a) {
        return 1 / std::sqrt(static_cast<long double>(flush(static_cast<float>(a))));
    };
    check("rsqrt.approx.ftz.f32", flushed_root, in.a);
    const std::vector<double> wide = some_doubles(k_count, 9);
    const auto root = evaluate<double>("rsqrt.approx.f64", wide);
    const auto coarse = evaluate<double>("rcp.approx.ftz.f64", wide);
    const auto coarse_root = evaluate<double>("rsqrt.approx.ftz.f64", wide);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < wide.size(); ++i) {
        const double a = wide[i];
        const auto near = [](double got, double exact, double error) {
            return same(got, exact) || std::fabs(got - exact) <= error * std::fabs(exact) ||
                   std::fabs(exact) < 0x1p-1021;
        };
        const double kept = std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0, a) : a;
        wrong += near(root[i], 1 / std::sqrt(a), 0x1p-51) ? 0U : 1U;
        wrong += near(coarse[i], 1 / kept, 0x1p-18) ? 0U : 1U;
        wrong += near(coarse_root[i], 1 / std::sqrt(kept), 0x1p-18) ? 0U : 1U;
        wrong += (std::bit_cast<std::uint64_t>(coarse[i]) & 0xFFFFFFFFU) != 0 ? 1U : 0U;
    }
    CHECK(wrong == 0);
}

TEST_CASE("arithmetic: signs of f32 and f64 are bits") {
    KW_GOLDEN("abs_f32");
    KW_GOLDEN("abs_f64");
    KW_GOLDEN("copysign");
    const Inputs<float> in = floats();
    const Inputs<double> wide = doubles();
    const auto check = [](const std::string& type, const auto& a, const auto& b) {
        using T = std::decay_t<decltype(a[0])>;
        const auto negated = evaluate<T>("neg" + type, a);
        const auto absolute = evaluate<T>("abs" + type, a);
        const auto copied = evaluate<T>("copysign" + type, a, b);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            wrong +=
                same(negated[i], -a[i]) && std::signbit(negated[i]) != std::signbit(a[i]) ? 0 : 1;
            wrong += same(absolute[i], std::fabs(a[i])) && !std::signbit(absolute[i]) ? 0 : 1;
            wrong += same(copied[i], std::copysign(b[i], a[i])) &&
                             std::signbit(copied[i]) == std::signbit(a[i])
                         ? 0
                         : 1;
        }
        CHECK(wrong == 0);
    };
    check(".f32", in.a, in.b);
    check(".f64", wide.a, wide.b);
    const auto negated = evaluate<float>("neg.ftz.f32", in.a);
    const auto absolute = evaluate<float>("abs.ftz.f32", in.a);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < in.a.size(); ++i) {
        wrong += same(negated[i], -flush(in.a[i])) ? 0U : 1U;
        wrong += same(absolute[i], std::fabs(flush(in.a[i]))) ? 0U : 1U;
    }
    CHECK(wrong == 0);
}

namespace {

/// The ISA's pseudo-code; -0 is below +0.
template <class T>
T extreme_of(bool maximum, bool nan, bool xorsign, T a, T b) {
    const bool negative = std::signbit(a) != std::signbit(b);
    if (xorsign) {
        a = std::fabs(a);
        b = std::fabs(b);
    }
    T result = NAN;
    if (std::isnan(a) || std::isnan(b)) {
        result = nan ? static_cast<T>(NAN) : std::isnan(a) ? b : a;
    } else if (a == b) {
        result = std::signbit(a) == maximum ? b : a;
    } else {
        result = (a < b) == maximum ? b : a;
    }
    return xorsign && !std::isnan(result) ? std::copysign(result, negative ? T{-1} : T{1}) : result;
}

}  // namespace

TEST_CASE("arithmetic: min and max treat NaNs zeros and signs as the pseudo-code says") {
    KW_GOLDEN("minmax_f32");
    KW_GOLDEN("minmax_f64");
    const Inputs<float> in = floats();
    for (const bool maximum : {false, true}) {
        const std::string base = maximum ? "max" : "min";
        for (const bool ftz : {false, true}) {
            for (const bool nan : {false, true}) {
                const std::string common = base + (ftz ? ".ftz" : "") + (nan ? ".NaN" : "");
                const auto value = [ftz](float a) {
                    return ftz ? flush(a) : a;
                };
                const auto plain = evaluate<float>(common + ".f32", in.a, in.b);
                const auto crossed = evaluate<float>(common + ".xorsign.abs.f32", in.a, in.b);
                const auto three = evaluate<float>(common + ".f32", in.a, in.b, in.c);
                const auto sizes = evaluate<float>(common + ".abs.f32", in.a, in.b, in.c);
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < in.a.size(); ++i) {
                    const float a = value(in.a[i]);
                    const float b = value(in.b[i]);
                    const float c = value(in.c[i]);
                    const auto pick = [&](float x, float y) {
                        return extreme_of(maximum, nan, false, x, y);
                    };
                    wrong += same(plain[i], pick(a, b)) && is_canonical(plain[i]) ? 0U : 1U;
                    wrong += same(crossed[i], extreme_of(maximum, nan, true, a, b)) ? 0U : 1U;
                    wrong += same(three[i], pick(pick(a, b), c)) ? 0U : 1U;
                    const float size = pick(pick(std::fabs(a), std::fabs(b)), std::fabs(c));
                    wrong += same(sizes[i], size) ? 0U : 1U;
                }
                INFO(common);
                CHECK(wrong == 0);
            }
        }
        const Inputs<double> wide = doubles();
        const auto got = evaluate<double>(base + ".f64", wide.a, wide.b);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < wide.a.size(); ++i) {
            wrong +=
                same(got[i], extreme_of(maximum, false, false, wide.a[i], wide.b[i])) ? 0U : 1U;
        }
        CHECK(wrong == 0);
    }
}

}  // namespace kw::emu::test
