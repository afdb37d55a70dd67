// SPDX-License-Identifier: Apache-2.0
// Reference: exact in long double (a sum with what is left over), rounded by search among the
// values of the format.
#include "tests/unit/evaluator/emulated/arithmetic/narrow.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <cmath>

namespace kw::emu::test {

namespace {

struct Type {
    std::string name;
    bool brain;

    [[nodiscard]] const NarrowFormat& format() const {
        return brain ? brain_format() : half_format();
    }
    [[nodiscard]] long double value(std::uint16_t bits) const {
        static const auto halves = table(half_value);
        static const auto brains = table(brain_value);
        return brain ? brains[bits] : halves[bits];
    }
    [[nodiscard]] static std::vector<long double> table(double (*of)(std::uint16_t)) {
        std::vector<long double> values;
        for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
            values.push_back(of(static_cast<std::uint16_t>(bits)));
        }
        return values;
    }
    [[nodiscard]] std::uint16_t flushed(std::uint32_t bits) const {
        const std::uint32_t exponent = brain ? 0x7F80U : 0x7C00U;
        return static_cast<std::uint16_t>((bits & exponent) == 0 ? bits & 0x8000U : bits);
    }
};
const Type k_half{".f16", false};
const Type k_brain{".bf16", true};

struct Operands {
    std::vector<std::uint16_t> a;
    std::vector<std::uint16_t> b;
    std::vector<std::uint16_t> c;
};

/// Every value of a, up to three times: with edges, with neighbours in size, with anything.
Operands operands(const Type& type, std::uint32_t rounds) {
    Operands in;
    Random random{type.brain ? 1U : 2U};
    static constexpr std::uint16_t half_edges[] = {
        0, 1, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x3800, 0x7BFF, 0x7C00, 0x7E00, 0x1400, 0x6800};
    static constexpr std::uint16_t brain_edges[] = {
        0, 1, 0x7F, 0x80, 0x3F80, 0x3F81, 0x3F00, 0x7F7F, 0x7F80, 0x7FC0, 0x0C00, 0x5F80};
    const std::uint32_t near = type.brain ? 0x600U : 0x3000U;
    for (std::uint32_t round = 0; round < rounds; ++round) {
        for (std::uint32_t i = 0; i < 0x10000; ++i) {
            const auto any = static_cast<std::uint32_t>(random.next());
            const auto other = static_cast<std::uint32_t>(random.next());
            const auto* const edges = type.brain ? brain_edges : half_edges;
            std::uint32_t b = any;
            std::uint32_t c = other;
            if (round == 1) {
                b = (type.brain ? 0x3F00U : 0x3800U) + any % near +
                    (any & 0x80000000U ? 0x8000U : 0U);
                c = i + other % near - near / 2 + (other & 0x80000000U ? 0x8000U : 0U);
            } else if (round == 0) {
                b = edges[any % 12] | ((any >> 16) & 0x8000U);
                c = edges[other % 12] | ((other >> 16) & 0x8000U);
            }
            in.a.push_back(static_cast<std::uint16_t>(i));
            in.b.push_back(static_cast<std::uint16_t>(b));
            in.c.push_back(static_cast<std::uint16_t>(c));
        }
    }
    return in;
}

/// x + y rounded once: what long double leaves over goes along.
std::uint32_t rounded_sum(const Type& type, long double x, long double y) {
    const long double sum = x + y;
    const long double part = sum - x;
    const long double rest = (x - (sum - part)) + (y - part);
    return round_to(type.format(), sum, Toward::nearest, std::isfinite(sum) ? rest : 0);
}

struct Modifiers {
    bool ftz = false;
    bool sat = false;
    bool relu = false;
    [[nodiscard]] std::string text() const {
        return std::string(ftz ? ".ftz" : "") + (sat ? ".sat" : "") + (relu ? ".relu" : "");
    }
};

std::uint16_t finished(const Type& type, std::uint32_t bits, const Modifiers& modifiers) {
    const bool nan = std::isnan(type.value(static_cast<std::uint16_t>(bits)));
    std::uint16_t result = modifiers.ftz ? type.flushed(bits) : static_cast<std::uint16_t>(bits);
    if (modifiers.sat) {
        const std::uint16_t one = type.brain ? 0x3F80 : 0x3C00;
        result = nan || (result & 0x8000U) != 0 ? std::uint16_t{0} : std::min(result, one);
    }
    if (modifiers.relu && !nan && (result & 0x8000U) != 0) {
        result = 0;
    }
    return result;
}

/// The scalar form against `f` on values, and the packed form against the scalar one.
template <class F, class... Same>
void check(
    const std::string& base,
    const Type& type,
    const Modifiers& modifiers,
    F f,
    const std::vector<std::uint16_t>& first,
    const Same&... more) {
    const std::string opcode = base + modifiers.text() + type.name;
    const auto got = evaluate<std::uint16_t>(opcode, first, more...);
    const auto value = [&](std::uint16_t bits) {
        return type.value(modifiers.ftz ? type.flushed(bits) : bits);
    };
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const std::uint32_t expected = f(value(first[i]), value(more[i])...);
        wrong += got[i] != finished(type, expected, modifiers) ? 1U : 0U;
    }
    // Halves of a register: two operands half a column apart.
    const std::size_t half = got.size() / 2;
    const auto packed = [half](const std::vector<std::uint16_t>& in) {
        std::vector<std::uint32_t> pairs;
        for (std::size_t i = 0; i < half; ++i) {
            pairs.push_back(in[i] | (std::uint32_t{in[i + half]} << 16));
        }
        return pairs;
    };
    const auto got2 = evaluate<std::uint32_t>(opcode + "x2", packed(first), packed(more)...);
    for (std::size_t i = 0; i < half; ++i) {
        wrong += got2[i] != (got[i] | (std::uint32_t{got[i + half]} << 16)) ? 1U : 0U;
    }
    INFO(opcode);
    CHECK(wrong == 0);
}

void check_type(
    const Type& type, const std::vector<Modifiers>& forms, const std::string& rounding) {
    const auto sum = [&](long double a, long double b) {
        return rounded_sum(type, a, b);
    };
    const auto difference = [&](long double a, long double b) {
        return rounded_sum(type, a, -b);
    };
    const auto product = [&](long double a, long double b) {
        return round_to(type.format(), a * b, Toward::nearest);
    };
    for (const Modifiers& form : forms) {
        const Operands in = operands(type, form.text().empty() && rounding.empty() ? 2 : 1);
        check("add" + rounding, type, form, sum, in.a, in.b);
        check("add" + rounding, type, form, sum, in.a, in.c);
        check("sub" + rounding, type, form, difference, in.a, in.c);
        check("mul" + rounding, type, form, product, in.a, in.b);
    }
}

void check_fma(const Type& type, const std::vector<Modifiers>& forms) {
    const auto fma = [&](long double a, long double b, long double c) {
        return rounded_sum(type, a * b, c);
    };
    for (const Modifiers& form : forms) {
        const Operands in = operands(type, form.text().empty() ? 3 : 1);
        check("fma.rn", type, form, fma, in.a, in.b, in.c);
    }
    // c chosen so that the exact sum lies beside a tie of the format.
    const Operands in = operands(type, 2);
    std::vector<std::uint16_t> c;
    Random random{3};
    for (std::size_t i = 0; i < in.a.size(); ++i) {
        const long double product = type.value(in.a[i]) * type.value(in.b[i]);
        const int scale = static_cast<int>(random.next() % 24);
        const std::uint32_t near =
            round_to(type.format(), std::ldexp(-product, scale), Toward::nearest);
        c.push_back(static_cast<std::uint16_t>(near));
    }
    check("fma.rn", type, {}, fma, in.a, in.b, c);
}

}  // namespace

TEST_CASE("arithmetic: f16 and bf16 sums and products are rounded once") {
    KW_GOLDEN("add_f16");
    KW_GOLDEN("mul_f16");
    KW_GOLDEN("add_bf16");
    KW_GOLDEN("mul_bf16");
    check_type(k_half, {{}, {true, false, false}, {false, true, false}, {true, true, false}}, "");
    check_type(k_half, {{}}, ".rn");
    check_type(k_brain, {{}}, "");
    check_type(k_brain, {{}}, ".rn");
}

TEST_CASE("arithmetic: f16 and bf16 fma are rounded once") {
    KW_GOLDEN("fma_f16");
    KW_GOLDEN("fma_bf16");
    check_fma(
        k_half,
        {{},
         {true, false, false},
         {false, true, false},
         {true, true, false},
         {false, false, true},
         {true, false, true}});
    check_fma(k_brain, {{}, {false, false, true}});
}

TEST_CASE("arithmetic: signs and extremes of f16 and bf16") {
    KW_GOLDEN("abs_f16");
    KW_GOLDEN("abs_bf16");
    KW_GOLDEN("minmax_f16");
    KW_GOLDEN("minmax_bf16");
    for (const Type& type : {k_half, k_brain}) {
        Operands in = operands(type, 1);
        for (std::size_t i = 0; 3 * i < in.a.size(); ++i) {
            in.a[i] = in.a[3 * i];
            in.b[i] = in.b[3 * i];
        }
        in.a.resize(in.a.size() / 3);
        in.b.resize(in.a.size());
        for (const bool ftz : {false, true}) {
            if (ftz && type.brain) {
                continue;
            }
            const std::string suffix = (ftz ? ".ftz" : "") + type.name;
            const auto negated = evaluate<std::uint16_t>("neg" + suffix, in.a);
            const auto absolute = evaluate<std::uint16_t>("abs" + suffix, in.a);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < in.a.size(); ++i) {
                const std::uint32_t a = ftz ? type.flushed(in.a[i]) : in.a[i];
                wrong += negated[i] != (a ^ 0x8000U) || absolute[i] != (a & 0x7FFFU) ? 1U : 0U;
            }
            CHECK(wrong == 0);
            for (const bool maximum : {false, true}) {
                for (const bool nan : {false, true}) {
                    for (const bool cross : {false, true}) {
                        const auto pick = [&](long double a, long double b) -> std::uint32_t {
                            const bool negative = std::signbit(a) != std::signbit(b);
                            a = cross ? std::fabs(a) : a;
                            b = cross ? std::fabs(b) : b;
                            const bool a_nan = std::isnan(a);
                            const bool b_nan = std::isnan(b);
                            if ((a_nan && b_nan) || (nan && (a_nan || b_nan))) {
                                return type.format().nan;
                            }
                            const bool less = a < b || (a == b && std::signbit(a));
                            const long double chosen = a_nan             ? b
                                                       : b_nan           ? a
                                                       : less == maximum ? b
                                                                         : a;
                            const std::uint32_t bits =
                                round_to(type.format(), chosen, Toward::nearest);
                            return cross ? (bits & 0x7FFFU) | (negative ? 0x8000U : 0U) : bits;
                        };
                        const std::string base = std::string(maximum ? "max" : "min") +
                                                 (ftz ? ".ftz" : "") + (nan ? ".NaN" : "") +
                                                 (cross ? ".xorsign.abs" : "");
                        // The modifier is in the name already; operands are flushed here.
                        std::vector<std::uint16_t> a = in.a;
                        std::vector<std::uint16_t> b = in.b;
                        for (std::size_t i = 0; ftz && i < a.size(); ++i) {
                            a[i] = type.flushed(a[i]);
                            b[i] = type.flushed(b[i]);
                        }
                        check(base, type, {}, pick, a, b);
                        if (ftz) {
                            CHECK(
                                evaluate<std::uint16_t>(base + type.name, in.a, in.b) ==
                                evaluate<std::uint16_t>(base + type.name, a, b));
                        }
                    }
                }
            }
        }
    }
}

}  // namespace kw::emu::test
