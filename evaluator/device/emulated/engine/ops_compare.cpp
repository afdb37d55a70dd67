// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_compare.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"
#include "evaluator/device/emulated/engine/ops_float.hpp"

namespace kw::emu {

namespace {

enum : std::uint32_t { k_none = 0, k_and = 1, k_or = 2, k_xor = 3, k_operator = 3 };
enum : std::uint32_t { k_exchange = 4, k_invert = 8 };

std::uint32_t operator_of(std::string_view name) {
    return name == ".and" ? k_and : name == ".or" ? k_or : name == ".xor" ? k_xor : k_none;
}

std::uint32_t mods_of(const Comparison& comparison, std::string_view combine) {
    return operator_of(combine) | (comparison.exchange ? k_exchange : 0U) |
           (comparison.invert ? k_invert : 0U);
}

Lanes combined(Lanes test, Lanes other, std::uint32_t mods) {
    switch (mods & k_operator) {
        case k_and: return test & other;
        case k_or: return test | other;
        case k_xor: return test ^ other;
        default: return test;
    }
}

Lanes third_operand(const Insn& insn, Warp& warp) {
    return (insn.mods & k_operator) != 0 ? load_predicate(warp, insn, insn.slots - 1U) : 0U;
}

template <class Op, class A>
struct Outcome {
    template <class Isa>
    KW_LANE static Lanes test(const Insn& insn, Warp& warp, unsigned first) {
        const bool exchange = (insn.mods & k_exchange) != 0;
        const Lanes yes = test_lanes<Isa, Op, A>(
            warp, insn.slot[first + (exchange ? 1 : 0)], insn.slot[first + (exchange ? 0 : 1)]);
        return (insn.mods & k_invert) != 0 ? ~yes : yes;
    }
};

/// p(|q) = a op b (bool c). Slots: p, (q), a, b, (c).
template <class Op, class A>
struct SetPredicate {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const unsigned sources = (insn.mods & k_operator) != 0 ? 3 : 2;
        const unsigned first = insn.slots - sources;
        const Lanes yes = Outcome<Op, A>::template test<Isa>(insn, warp, first);
        const Lanes other = third_operand(insn, warp);
        store_predicate(warp, insn.slot[0], combined(yes, other, insn.mods), active);
        if (first == 2) {
            store_predicate(warp, insn.slot[1], combined(~yes, other, insn.mods), active);
        }
    }
};

/// f16x2 and bf16x2: p from the low halves, q from the high ones.
template <Test test, bool ftz, class T>
struct SetTwoPredicates {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        using Low = CompareHalf<test, ftz, T, 0>;
        using High = CompareHalf<test, ftz, T, 1>;
        const Lanes low = Outcome<Low, std::uint32_t>::template test<Isa>(insn, warp, 2);
        const Lanes high = Outcome<High, std::uint32_t>::template test<Isa>(insn, warp, 2);
        const Lanes other = third_operand(insn, warp);
        store_predicate(warp, insn.slot[0], combined(low, other, insn.mods), active);
        store_predicate(warp, insn.slot[1], combined(high, other, insn.mods), active);
    }
};

enum : std::uint32_t { k_value_shift = 8 };
constexpr std::uint32_t k_true_values[] = {0xFFFFFFFFU, 0x3F800000U, 0x3C00U, 0x3F80U, 0xFFFFU};

/// d = a op b (bool c) ? true value : 0.
template <class Op, class A>
struct SetValue {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const Lanes yes = combined(
            Outcome<Op, A>::template test<Isa>(insn, warp, 1),
            third_operand(insn, warp),
            insn.mods);
        const std::uint32_t value = k_true_values[insn.mods >> k_value_shift];
        alignas(64) std::uint32_t out[k_lanes];
        for (int i = 0; i < k_lanes; ++i) {
            out[i] = (yes & k_lane_bit[i]) != 0 ? value : 0U;
        }
        copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), out, active);
    }
};

template <Test test, bool ftz, class T>
struct SetTwoValues {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        using Low = CompareHalf<test, ftz, T, 0>;
        using High = CompareHalf<test, ftz, T, 1>;
        const Lanes other = third_operand(insn, warp);
        const Lanes low = combined(
            Outcome<Low, std::uint32_t>::template test<Isa>(insn, warp, 1), other, insn.mods);
        const Lanes high = combined(
            Outcome<High, std::uint32_t>::template test<Isa>(insn, warp, 1), other, insn.mods);
        const std::uint32_t value = k_true_values[insn.mods >> k_value_shift];
        alignas(64) std::uint32_t out[k_lanes];
        for (int i = 0; i < k_lanes; ++i) {
            out[i] = ((low & k_lane_bit[i]) != 0 ? value : 0U) |
                     ((high & k_lane_bit[i]) != 0 ? value << 16 : 0U);
        }
        copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), out, active);
    }
};

// What setp and set differ in: the body for a comparison of A, and for two of T in a register.
struct ToPredicate {
    template <class Body>
    static Handler of() {
        return handler<Body>();
    }
    template <class Op, class A>
    using One = SetPredicate<Op, A>;
    template <Test test, bool ftz, class T>
    using Two = SetTwoPredicates<test, ftz, T>;
};
struct ToValue {
    template <class Body>
    static Handler of() {
        return plain_handler<Body>();
    }
    template <class Op, class A>
    using One = SetValue<Op, A>;
    template <Test test, bool ftz, class T>
    using Two = SetTwoValues<test, ftz, T>;
};

template <class To, class A>
Handler integer_handler(Test test) {
    switch (test) {
        case Test::equal:
            return To::template of<typename To::template One<Compare<Test::equal, false>, A>>();
        case Test::less:
            return To::template of<typename To::template One<Compare<Test::less, false>, A>>();
        default: return nullptr;
    }
}

template <class To, class A, bool ftz>
Handler real_handler(Test test) {
    switch (test) {
        case Test::equal:
            return To::template of<typename To::template One<Compare<Test::equal, ftz>, A>>();
        case Test::less:
            return To::template of<typename To::template One<Compare<Test::less, ftz>, A>>();
        case Test::less_equal:
            return To::template of<typename To::template One<Compare<Test::less_equal, ftz>, A>>();
        case Test::differs:
            return To::template of<typename To::template One<Compare<Test::differs, ftz>, A>>();
        case Test::ordered:
            return To::template of<typename To::template One<Compare<Test::ordered, ftz>, A>>();
    }
    return nullptr;
}

template <class To, class T, bool ftz>
Handler halves_handler(Test test) {
    switch (test) {
        case Test::equal: return To::template of<typename To::template Two<Test::equal, ftz, T>>();
        case Test::less: return To::template of<typename To::template Two<Test::less, ftz, T>>();
        case Test::less_equal:
            return To::template of<typename To::template Two<Test::less_equal, ftz, T>>();
        case Test::differs:
            return To::template of<typename To::template Two<Test::differs, ftz, T>>();
        case Test::ordered:
            return To::template of<typename To::template Two<Test::ordered, ftz, T>>();
    }
    return nullptr;
}

struct Chosen {
    Handler run = nullptr;
    Width width = Width::w32;
    bool real = false;
    bool halves = false;
    Comparison comparison;
};

template <class To, bool ftz>
Handler real_handler_of(std::string_view type, Test test) {
    if (type == ".f32") {
        return real_handler<To, float, ftz>(test);
    }
    if (type == ".f16") {
        return real_handler<To, Half, ftz>(test);
    }
    if (type == ".f16x2") {
        return halves_handler<To, Half, ftz>(test);
    }
    if constexpr (!ftz) {
        if (type == ".f64") {
            return real_handler<To, double, false>(test);
        }
        return type == ".bf16" ? real_handler<To, Brain, false>(test)
                               : halves_handler<To, Brain, false>(test);
    }
    return nullptr;
}

template <class To>
Chosen choose(std::string_view type, std::string_view comparison, bool ftz) {
    Chosen chosen;
    chosen.real = type.find('f') != std::string_view::npos;
    const auto meant = chosen.real ? real_comparison(comparison) : integer_comparison(comparison);
    // Bits have no order, only unsigned numbers have lo, ls, hi and hs.
    const bool bits = type.starts_with(".b") && !chosen.real;
    const bool unsigned_name =
        comparison == ".lo" || comparison == ".ls" || comparison == ".hi" || comparison == ".hs";
    if (!meant || (bits && meant->test != Test::equal) ||
        (unsigned_name && !type.starts_with(".u"))) {
        return chosen;
    }
    chosen.comparison = *meant;
    chosen.halves = type.ends_with("x2");
    if (chosen.real) {
        chosen.run = ftz ? real_handler_of<To, true>(type, meant->test)
                         : real_handler_of<To, false>(type, meant->test);
        chosen.width = type.ends_with("64")   ? Width::w64
                       : type.ends_with("16") ? Width::w16
                                              : Width::w32;
        return chosen;
    }
    const auto bind = [&chosen](auto t) {
        using T = decltype(t);
        chosen.run = integer_handler<To, T>(chosen.comparison.test);
        chosen.width = k_width_of<T>;
        return Binding{};
    };
    static_cast<void>(
        !ftz && bits ? with_bits(type, bind)
        : !ftz       ? with_integer(type, bind)
                     : Binding{});
    return chosen;
}

}  // namespace

std::optional<Comparison> integer_comparison(std::string_view name) {
    if (name == ".eq" || name == ".ne") {
        return Comparison{Test::equal, false, name == ".ne"};
    }
    if (name == ".lt" || name == ".lo") {
        return Comparison{Test::less, false, false};
    }
    if (name == ".gt" || name == ".hi") {
        return Comparison{Test::less, true, false};
    }
    if (name == ".le" || name == ".ls") {
        return Comparison{Test::less, true, true};
    }
    if (name == ".ge" || name == ".hs") {
        return Comparison{Test::less, false, true};
    }
    return std::nullopt;
}

std::optional<Comparison> real_comparison(std::string_view name) {
    static constexpr struct {
        std::string_view name;
        Comparison comparison;
    } all[] = {
        {".eq", {Test::equal, false, false}},
        {".ne", {Test::differs, false, false}},
        {".lt", {Test::less, false, false}},
        {".le", {Test::less_equal, false, false}},
        {".gt", {Test::less, true, false}},
        {".ge", {Test::less_equal, true, false}},
        {".equ", {Test::differs, false, true}},
        {".neu", {Test::equal, false, true}},
        {".ltu", {Test::less_equal, true, true}},
        {".leu", {Test::less, true, true}},
        {".gtu", {Test::less_equal, false, true}},
        {".geu", {Test::less, false, true}},
        {".num", {Test::ordered, false, false}},
        {".nan", {Test::ordered, false, true}},
    };
    for (const auto& entry : all) {
        if (entry.name == name) {
            return entry.comparison;
        }
    }
    return std::nullopt;
}

Binding bind_setp(const Match& match) {
    const Chosen chosen = choose<ToPredicate>(match.parts.back(), match[1], match.has(".ftz"));
    Binding binding;
    binding.run = chosen.run;
    binding.work = Work::predicate;
    const std::uint16_t sources = match[2].empty() ? 2 : 3;
    binding.widths = {Width::predicate, chosen.width, chosen.width};
    if (sources == 3) {
        binding.widths.push_back(Width::predicate);
    }
    binding.real_immediates = chosen.real;
    binding.mods = mods_of(chosen.comparison, match[2]);
    binding.slots_min = static_cast<std::uint16_t>(sources + (chosen.halves ? 2 : 1));
    binding.slots_max = static_cast<std::uint16_t>(sources + 2);
    binding.sinks = 3;
    return binding;
}

namespace {

bool is_legal_set(std::string_view to, std::string_view from, bool ftz) {
    const bool narrow_source = from.find("f16") != std::string_view::npos;
    if (from.ends_with("x2")) {  // a mask or as many ones
        return to == from || to == ".u32" || to == ".s32";
    }
    if (to == ".u16" || to == ".s16") {
        return narrow_source;
    }
    if (to == ".f32") {
        return !narrow_source;
    }
    const bool crossed = (to == ".f16" && from == ".bf16") || (to == ".bf16" && ftz);
    return !to.ends_with("x2") && !crossed;
}

}  // namespace

Binding bind_set(const Match& match) {
    const std::string_view to = match.parts[match.parts.size() - 2];
    const std::string_view from = match.parts.back();
    const Chosen chosen = choose<ToValue>(from, match[1], match.has(".ftz"));
    Binding binding;
    const bool narrow = to.ends_with("16");
    if (!is_legal_set(to, from, match.has(".ftz"))) {
        return binding;
    }
    const bool mask = to.find('f') == std::string_view::npos;
    const std::uint32_t value = to == ".f32"                        ? 1
                                : to.starts_with(".f16")            ? 2
                                : to.starts_with(".bf16")           ? 3
                                : mask && (narrow || chosen.halves) ? 4
                                                                    : 0;
    binding.run = chosen.run;
    binding.work = Work::integer;
    binding.widths = {narrow ? Width::w16 : Width::w32, chosen.width, chosen.width};
    if (!match[2].empty()) {
        binding.widths.push_back(Width::predicate);
    }
    binding.real_immediates = chosen.real;
    binding.mods = mods_of(chosen.comparison, match[2]) | (value << k_value_shift);
    binding.slots_min = binding.slots_max = match[2].empty() ? 3 : 4;
    return binding;
}

}  // namespace kw::emu
