// SPDX-License-Identifier: Apache-2.0
// Reference: the comparison written out, on long double for floating point (every type is exact in
// it), combined as p = t op c and q = !t op c.
#include "tests/unit/evaluator/emulated/arithmetic/narrow.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <cmath>
#include <functional>

namespace kw::emu::test {

namespace {

constexpr std::size_t k_count = 256;

bool meets(const std::string& name, long double a, long double b) {
    const bool unordered = std::isnan(a) || std::isnan(b);
    const auto either = [&](bool test) {
        return unordered || test;
    };
    const auto both = [&](bool test) {
        return !unordered && test;
    };
    if (name == "num" || name == "nan") {
        return unordered == (name == "nan");
    }
    const bool u = name.size() == 3;
    const std::string core = name.substr(0, 2);
    const bool test = core == "eq"                   ? a == b
                      : core == "ne"                 ? a != b
                      : core == "lt" || core == "lo" ? a < b
                      : core == "le" || core == "ls" ? a <= b
                      : core == "gt" || core == "hi" ? a > b
                                                     : a >= b;
    return u ? either(test) : both(test);
}

bool joined(const std::string& op, bool t, bool c) {
    return op == "and" ? t && c : op == "or" ? t || c : op == "xor" ? t != c : t;
}

struct Operands {
    Column a;
    Column b;
    std::vector<long double> x;
    std::vector<long double> y;
};

template <class T, class F>
Operands operands(const std::vector<T>& a, const std::vector<T>& b, F value) {
    Operands in{column(a), column(b), {}, {}};
    for (std::size_t i = 0; i < a.size(); ++i) {
        in.x.push_back(value(a[i]));
        in.y.push_back(value(b[i]));
    }
    return in;
}

const std::vector<std::string> k_operators = {"", "and", "or", "xor"};

std::vector<bool> some_predicate() {
    std::vector<bool> c;
    for (std::size_t i = 0; i < k_count; ++i) {
        c.push_back(i % 5 < 2);
    }
    return c;
}

std::string join_name(const std::string& base, const std::string& cmp, const std::string& op) {
    return base + "." + cmp + (op.empty() ? "" : "." + op);
}

void check_setp(const Operands& in, const std::string& cmp, const std::string& suffix) {
    const std::vector<bool> c = some_predicate();
    for (const std::string& op : k_operators) {
        for (const bool negated : {false, true}) {
            if (op.empty() && negated) {
                continue;
            }
            Column third = predicates(c);
            third.negated = negated;
            std::vector<Column> sources = {in.a, in.b};
            if (!op.empty()) {
                sources.push_back(third);
            }
            const std::string opcode = join_name("setp", cmp, op) + suffix;
            const auto one = run_opcode(opcode, {Width::predicate}, sources);
            const auto two = run_opcode(opcode, {Width::predicate, Width::predicate}, sources);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < k_count; ++i) {
                const bool t = meets(cmp, in.x[i], in.y[i]);
                const bool other = c[i] != negated;
                wrong += (one[0][i] != 0) != joined(op, t, other) ? 1U : 0U;
                wrong += (two[0][i] != 0) != joined(op, t, other) ? 1U : 0U;
                wrong += (two[1][i] != 0) != joined(op, !t, other) ? 1U : 0U;
            }
            INFO(opcode);
            CHECK(wrong == 0);
        }
    }
}

void check_set(
    const Operands& in,
    const std::string& cmp,
    const std::string& suffix,
    Width width,
    std::uint64_t truth) {
    const std::vector<bool> c = some_predicate();
    for (const std::string& op : k_operators) {
        std::vector<Column> sources = {in.a, in.b};
        if (!op.empty()) {
            sources.push_back(predicates(c));
        }
        const std::string opcode = join_name("set", cmp, op) + suffix;
        const auto got = run_opcode(opcode, {width}, sources)[0];
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < k_count; ++i) {
            const bool t = joined(op, meets(cmp, in.x[i], in.y[i]), c[i]);
            wrong += got[i] != (t ? truth : 0) ? 1U : 0U;
        }
        INFO(opcode);
        CHECK(wrong == 0);
    }
}

/// Every comparison, for setp and for set to integers and 1.0.
void check_all(
    const Operands& in,
    const std::vector<std::string>& names,
    const std::string& type,
    const std::string& ftz = "") {
    for (const std::string& cmp : names) {
        check_setp(in, cmp, ftz + type);
        check_set(in, cmp, ftz + ".u32" + type, Width::w32, 0xFFFFFFFFU);
        check_set(in, cmp, ftz + ".s32" + type, Width::w32, 0xFFFFFFFFU);
        if (type.find("f16") == std::string::npos) {
            check_set(in, cmp, ftz + ".f32" + type, Width::w32, 0x3F800000U);
        }
    }
}

template <class T>
void check_integers(const std::string& type, const std::vector<std::string>& names) {
    auto a = some_integers<T>(k_count, 1);
    const auto b = some_integers<T>(k_count, 2);
    for (std::size_t i = 0; i < a.size(); i += 4) {
        a[i] = b[i];
    }
    check_all(operands(a, b, [](T x) { return static_cast<long double>(x); }), names, type);
}

const std::vector<std::string> k_equality = {"eq", "ne"};
const std::vector<std::string> k_signed = {"eq", "ne", "lt", "le", "gt", "ge"};
const std::vector<std::string> k_unsigned = {
    "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"};
const std::vector<std::string> k_real = {
    "eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

template <class T>
void pair_up(std::vector<T>& a, const std::vector<T>& b) {
    for (std::size_t i = 0; i < a.size(); i += 4) {
        a[i] = b[i];
    }
}

std::vector<std::uint16_t> some_narrow(std::uint64_t seed, bool brain) {
    Random random{seed};
    std::vector<std::uint16_t> values;
    static constexpr std::uint16_t half_edges[] = {
        0, 0x8000, 1, 0x8001, 0x3FF, 0x83FF, 0x400, 0x3C00, 0x7BFF, 0x7C00, 0xFC00, 0x7C01, 0x7FFF};
    static constexpr std::uint16_t brain_edges[] = {
        0, 0x8000, 1, 0x8001, 0x7F, 0x807F, 0x80, 0x3F80, 0x7F7F, 0x7F80, 0xFF80, 0x7F81, 0x7FFF};
    for (std::size_t i = 0; i < k_count; ++i) {
        const std::uint64_t pick = random.next() % 13;
        const auto any = static_cast<std::uint16_t>(random.next());
        values.push_back(
            random.next() % 2 != 0 ? any
            : brain                ? brain_edges[pick]
                                   : half_edges[pick]);
    }
    return values;
}

void check_narrow(const std::string& type, bool brain) {
    auto a = some_narrow(3, brain);
    const auto b = some_narrow(4, brain);
    pair_up(a, b);
    const auto value = [brain](std::uint16_t x) {
        return static_cast<long double>(brain ? brain_value(x) : half_value(x));
    };
    const Operands in = operands(a, b, value);
    const std::uint64_t one = brain ? 0x3F80U : 0x3C00U;
    check_all(in, k_real, type);
    for (const std::string& cmp : k_real) {
        check_set(in, cmp, ".u16" + type, Width::w16, 0xFFFFU);
        check_set(in, cmp, ".s16" + type, Width::w16, 0xFFFFU);
        check_set(in, cmp, type + type, Width::w16, one);
    }
    // Packed: two neighbours to a register.
    std::vector<std::uint32_t> a2;
    std::vector<std::uint32_t> b2;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::size_t next = (i + 1) % a.size();
        a2.push_back(a[i] | (std::uint32_t{a[next]} << 16));
        b2.push_back(b[i] | (std::uint32_t{b[next]} << 16));
    }
    for (const std::string& cmp : k_real) {
        const std::vector<Column> sources = {column(a2), column(b2)};
        const auto p =
            run_opcode("setp." + cmp + type + "x2", {Width::predicate, Width::predicate}, sources);
        const auto ones =
            run_opcode("set." + cmp + type + "x2" + type + "x2", {Width::w32}, sources);
        const auto mask = run_opcode("set." + cmp + ".u32" + type + "x2", {Width::w32}, sources);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const std::size_t next = (i + 1) % a.size();
            const bool low = meets(cmp, value(a[i]), value(b[i]));
            const bool high = meets(cmp, value(a[next]), value(b[next]));
            wrong += (p[0][i] != 0) != low || (p[1][i] != 0) != high ? 1U : 0U;
            wrong += ones[0][i] != ((low ? one : 0) | (high ? one << 16 : 0)) ? 1U : 0U;
            wrong += mask[0][i] != ((low ? 0xFFFFU : 0) | (high ? 0xFFFF0000U : 0)) ? 1U : 0U;
        }
        INFO(cmp + type);
        CHECK(wrong == 0);
    }
}

}  // namespace

TEST_CASE("arithmetic: integer comparisons of every type combine with a predicate") {
    KW_GOLDEN("setp_integer");
    KW_GOLDEN("set_integer");
    check_integers<std::uint16_t>(".b16", k_equality);
    check_integers<std::uint32_t>(".b32", k_equality);
    check_integers<std::uint64_t>(".b64", k_equality);
    check_integers<std::uint16_t>(".u16", k_unsigned);
    check_integers<std::uint32_t>(".u32", k_unsigned);
    check_integers<std::uint64_t>(".u64", k_unsigned);
    check_integers<std::int16_t>(".s16", k_signed);
    check_integers<std::int32_t>(".s32", k_signed);
    check_integers<std::int64_t>(".s64", k_signed);
}

TEST_CASE("arithmetic: comparisons that a type does not have are not bound") {
    CHECK(binding_of("setp.lt.b32").run == nullptr);
    CHECK(binding_of("setp.lo.s32").run == nullptr);
    CHECK(binding_of("set.hs.and.u32.s16").run == nullptr);
    CHECK(binding_of("set.eq.f32.f16").run == nullptr);
    CHECK(binding_of("set.eq.u16.f16x2").run == nullptr);
    CHECK(binding_of("set.eq.ftz.bf16.f32").run == nullptr);
}

TEST_CASE("arithmetic: ordered and unordered comparisons of floating-point numbers") {
    KW_GOLDEN("setp_real");
    KW_GOLDEN("setp_wide");
    KW_GOLDEN("set_real");
    KW_GOLDEN("set_wide");
    auto a = some_floats(k_count, 5);
    const auto b = some_floats(k_count, 6);
    pair_up(a, b);
    const auto exact = [](auto x) {
        return static_cast<long double>(x);
    };
    const auto flush = [](float x) {
        return static_cast<long double>(std::fpclassify(x) == FP_SUBNORMAL ? 0.0F : x);
    };
    check_all(operands(a, b, exact), k_real, ".f32");
    check_all(operands(a, b, flush), k_real, ".f32", ".ftz");
    auto c = some_doubles(k_count, 7);
    const auto d = some_doubles(k_count, 8);
    pair_up(c, d);
    check_all(operands(c, d, exact), k_real, ".f64");
    check_narrow(".f16", false);
    check_narrow(".bf16", true);
}

TEST_CASE("arithmetic: properties of numbers") {
    KW_GOLDEN("testp");
    const auto check = [](const auto& values, const std::string& type) {
        const std::vector<std::pair<std::string, std::function<bool(int)>>> properties = {
            {"finite",
             [](int c) {
                 return c != FP_NAN && c != FP_INFINITE;
             }},
            {"infinite",
             [](int c) {
                 return c == FP_INFINITE;
             }},
            {"number",
             [](int c) {
                 return c != FP_NAN;
             }},
            {"notanumber",
             [](int c) {
                 return c == FP_NAN;
             }},
            {"normal",
             [](int c) {
                 return c == FP_NORMAL;
             }},
            {"subnormal", [](int c) {
                 return c == FP_SUBNORMAL;
             }}};
        for (const auto& [name, holds] : properties) {
            const auto got =
                run_opcode("testp." + name + type, {Width::predicate}, {column(values)})[0];
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < values.size(); ++i) {
                wrong += (got[i] != 0) != holds(std::fpclassify(values[i])) ? 1U : 0U;
            }
            INFO(name + type);
            CHECK(wrong == 0);
        }
    };
    check(some_floats(1024, 9), ".f32");
    check(some_doubles(1024, 10), ".f64");
}

TEST_CASE("arithmetic: selection by a predicate and by a sign") {
    KW_GOLDEN("selp");
    KW_GOLDEN("slct_integer");
    KW_GOLDEN("slct_real");
    const auto check = [](auto t, const std::vector<std::string>& types) {
        using T = decltype(t);
        const auto a = some_integers<T>(k_count, 11);
        const auto b = some_integers<T>(k_count, 12);
        const auto signs = some_integers<std::int32_t>(k_count, 13);
        const auto reals = some_floats(k_count, 14);
        const std::vector<bool> c = some_predicate();
        for (const std::string& type : types) {
            const auto chosen = run_opcode(
                "selp" + type, {column(a).width}, {column(a), column(b), predicates(c)})[0];
            const auto by_sign = evaluate<T>("slct" + type + ".s32", a, b, signs);
            const auto by_real = evaluate<T>("slct" + type + ".f32", a, b, reals);
            const auto by_flushed = evaluate<T>("slct.ftz" + type + ".f32", a, b, reals);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                const bool tiny = std::fpclassify(reals[i]) == FP_SUBNORMAL;
                wrong += static_cast<T>(chosen[i]) != (c[i] ? a[i] : b[i]) ? 1U : 0U;
                wrong += by_sign[i] != (signs[i] >= 0 ? a[i] : b[i]) ? 1U : 0U;
                wrong += by_real[i] != (reals[i] >= 0 ? a[i] : b[i]) ? 1U : 0U;
                wrong += by_flushed[i] != (tiny || reals[i] >= 0 ? a[i] : b[i]) ? 1U : 0U;
            }
            INFO(type);
            CHECK(wrong == 0);
        }
    };
    check(std::uint16_t{}, {".b16", ".u16", ".s16"});
    check(std::uint32_t{}, {".b32", ".u32", ".s32", ".f32"});
    check(std::uint64_t{}, {".b64", ".u64", ".s64", ".f64"});
}

}  // namespace kw::emu::test
