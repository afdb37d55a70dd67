// SPDX-License-Identifier: Apache-2.0
// Reference: __int128 arithmetic, cut or clamped at the end.
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace kw::emu::test {

namespace {

__extension__ using wide = __int128;

constexpr std::size_t k_count = 4096;

template <class T>
std::string name_of() {
    return std::string(std::is_signed_v<T> ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}

template <class T, class F>
void check_two(const std::string& opcode, F reference) {
    const auto a = some_integers<T>(k_count, 11);
    const auto b = some_integers<T>(k_count, 22);
    const auto got = evaluate<T>(opcode, a, b);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        wrong += got[i] != static_cast<T>(reference(wide{a[i]}, wide{b[i]})) ? 1U : 0U;
    }
    INFO(opcode);
    CHECK(wrong == 0);
}

template <class R, class T, class F>
void check_three(const std::string& opcode, F reference) {
    const auto a = some_integers<T>(k_count, 33);
    const auto b = some_integers<T>(k_count, 44);
    const auto c = some_integers<R>(k_count, 55);
    const auto got = evaluate<R>(opcode, a, b, c);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        wrong += got[i] != static_cast<R>(reference(wide{a[i]}, wide{b[i]}, wide{c[i]})) ? 1U : 0U;
    }
    INFO(opcode);
    CHECK(wrong == 0);
}

template <class F>
void for_all_types(F f) {
    f(std::uint16_t{});
    f(std::int16_t{});
    f(std::uint32_t{});
    f(std::int32_t{});
    f(std::uint64_t{});
    f(std::int64_t{});
}

template <class T>
wide high_part(wide product) {
    return product >> (8 * sizeof(T));
}

template <class T>
wide clamp_to(wide value) {
    return std::clamp(
        value, wide{std::numeric_limits<T>::min()}, wide{std::numeric_limits<T>::max()});
}

// A 64 x 64 bit unsigned product does not fit a signed 128-bit number; only its low or high 64 bits
// are looked at, and the wrapped ones are right.
wide product(wide a, wide b) {
    __extension__ using unsigned_wide = unsigned __int128;
    return static_cast<wide>(static_cast<unsigned_wide>(a) * static_cast<unsigned_wide>(b));
}

template <class T>
wide high_product(wide a, wide b) {
    if constexpr (std::is_signed_v<T>) {
        return high_part<T>(product(a, b));
    } else {
        __extension__ using unsigned_wide = unsigned __int128;
        return static_cast<wide>(
            (static_cast<unsigned_wide>(a) * static_cast<unsigned_wide>(b)) >> (8 * sizeof(T)));
    }
}

wide low24(wide a, bool with_sign) {
    const wide cut = a & 0xFFFFFF;
    return with_sign && cut >= 0x800000 ? cut - 0x1000000 : cut;
}

}  // namespace

TEST_CASE("arithmetic: integer sums products and extremes agree with 128-bit arithmetic") {
    KW_GOLDEN("add_integer");
    KW_GOLDEN("mul_integer");
    KW_GOLDEN("minmax_integer");
    for_all_types([](auto t) {
        using T = decltype(t);
        const std::string type = name_of<T>();
        check_two<T>("add" + type, std::plus<wide>());
        check_two<T>("sub" + type, std::minus<wide>());
        check_two<T>("mul.lo" + type, product);
        check_two<T>("mul.hi" + type, high_product<T>);
        check_two<T>("min" + type, [](wide a, wide b) { return std::min(a, b); });
        check_two<T>("max" + type, [](wide a, wide b) { return std::max(a, b); });
    });
}

TEST_CASE("arithmetic: saturating sums clamp to 32 bits") {
    KW_GOLDEN("add_saturating");
    KW_GOLDEN("mad_saturating");
    using S = std::int32_t;
    check_two<S>("add.sat.s32", [](wide a, wide b) { return clamp_to<S>(a + b); });
    check_two<S>("sub.sat.s32", [](wide a, wide b) { return clamp_to<S>(a - b); });
    check_three<S, S>(
        "mad.hi.sat.s32", [](wide a, wide b, wide c) { return clamp_to<S>(((a * b) >> 32) + c); });
    check_three<S, S>("mad24.hi.sat.s32", [](wide a, wide b, wide c) {
        const wide high = (low24(a, true) * low24(b, true)) >> 16;
        return clamp_to<S>(static_cast<S>(high) + c);
    });
}

TEST_CASE("arithmetic: multiply and add in all widths") {
    KW_GOLDEN("mad_integer");
    KW_GOLDEN("mul_wide");
    KW_GOLDEN("mad_wide");
    KW_GOLDEN("mul24");
    KW_GOLDEN("mad24");
    KW_GOLDEN("sad");
    for_all_types([](auto t) {
        using T = decltype(t);
        const std::string type = name_of<T>();
        check_three<T, T>(
            "mad.lo" + type, [](wide a, wide b, wide c) { return product(a, b) + c; });
        check_three<T, T>("mad.hi" + type, [](wide a, wide b, wide c) {
            return static_cast<T>(high_product<T>(a, b)) + c;
        });
        check_three<T, T>(
            "sad" + type, [](wide a, wide b, wide c) { return c + (a < b ? b - a : a - b); });
        if constexpr (sizeof(T) < 8) {
            using R = std::conditional_t<
                sizeof(T) == 2,
                std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>,
                std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;
            check_three<R, T>("mad.wide" + type, [](wide a, wide b, wide c) { return a * b + c; });
            const auto a = some_integers<T>(k_count, 1);
            const auto b = some_integers<T>(k_count, 2);
            const auto got = evaluate<R>("mul.wide" + type, a, b);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                wrong += got[i] != static_cast<R>(wide{a[i]} * b[i]) ? 1U : 0U;
            }
            CHECK(wrong == 0);
        }
        if constexpr (sizeof(T) == 4) {
            constexpr bool sign = std::is_signed_v<T>;
            const auto whole = [](wide a, wide b) {
                return low24(a, sign) * low24(b, sign);
            };
            check_two<T>("mul24.lo" + type, whole);
            check_two<T>("mul24.hi" + type, [=](wide a, wide b) { return whole(a, b) >> 16; });
            check_three<T, T>(
                "mad24.lo" + type, [=](wide a, wide b, wide c) { return whole(a, b) + c; });
            check_three<T, T>(
                "mad24.hi" + type, [=](wide a, wide b, wide c) { return (whole(a, b) >> 16) + c; });
        }
    });
}

TEST_CASE("arithmetic: division by zero and of the lowest number have a defined result") {
    KW_GOLDEN("div_integer");
    KW_GOLDEN("abs_integer");
    for_all_types([](auto t) {
        using T = decltype(t);
        const std::string type = name_of<T>();
        check_two<T>("div" + type, [](wide a, wide b) { return b == 0 ? wide{-1} : a / b; });
        check_two<T>("rem" + type, [](wide a, wide b) { return b == 0 ? a : a % b; });
        if constexpr (std::is_signed_v<T>) {
            const auto a = some_integers<T>(k_count, 5);
            const auto negated = evaluate<T>("neg" + type, a);
            const auto absolute = evaluate<T>("abs" + type, a);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                const wide value = a[i];
                wrong += negated[i] != static_cast<T>(-value) ? 1U : 0U;
                wrong += absolute[i] != static_cast<T>(value < 0 ? -value : value) ? 1U : 0U;
            }
            CHECK(wrong == 0);
        }
    });
}

TEST_CASE("arithmetic: packed halves are apart from one another") {
    KW_GOLDEN("add_halves");
    KW_GOLDEN("minmax_relu");
    KW_GOLDEN("minmax_relu_last");
    const auto halves = [](std::uint32_t a, std::uint32_t b, bool sign, auto f) {
        std::uint32_t result = 0;
        for (unsigned shift : {0U, 16U}) {
            const auto pick = [&](std::uint32_t x) {
                const wide field = (x >> shift) & 0xFFFFU;
                return sign && field >= 0x8000 ? field - 0x10000 : field;
            };
            const wide value = f(pick(a), pick(b));
            result |= static_cast<std::uint32_t>(value & 0xFFFF) << shift;
        }
        return result;
    };
    const auto a = some_integers<std::uint32_t>(k_count, 7);
    const auto b = some_integers<std::uint32_t>(k_count, 8);
    const auto check = [&](const std::string& opcode, bool sign, auto f) {
        const auto got = evaluate<std::uint32_t>(opcode, a, b);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            wrong += got[i] != halves(a[i], b[i], sign, f) ? 1U : 0U;
        }
        INFO(opcode);
        CHECK(wrong == 0);
    };
    const auto low = [](wide x, wide y) {
        return std::min(x, y);
    };
    const auto high = [](wide x, wide y) {
        return std::max(x, y);
    };
    check("add.u16x2", false, std::plus<wide>());
    check("add.s16x2", true, std::plus<wide>());
    check("min.u16x2", false, low);
    check("max.u16x2", false, high);
    check("min.s16x2", true, low);
    check("max.s16x2", true, high);
    for (const std::string type : {".s32", ".s16x2"}) {
        for (const std::string base : {"min", "max"}) {
            CHECK(
                evaluate<std::uint32_t>(base + type + ".relu", a, b) ==
                evaluate<std::uint32_t>(base + ".relu" + type, a, b));
        }
    }
    check("min.relu.s16x2", true, [](wide x, wide y) { return std::max(std::min(x, y), wide{0}); });
    check("max.relu.s16x2", true, [](wide x, wide y) { return std::max({x, y, wide{0}}); });
    check_two<std::int32_t>(
        "min.relu.s32", [](wide x, wide y) { return std::max(std::min(x, y), wide{0}); });
    check_two<std::int32_t>("max.relu.s32", [](wide x, wide y) {
        return std::max({x, y, wide{0}});
    });
}

TEST_CASE("arithmetic: dot products take each operand with its own sign") {
    KW_GOLDEN("dp4a");
    KW_GOLDEN("dp2a");
    KW_GOLDEN("vabsdiff4");
    const auto field = [](std::uint32_t x, unsigned bits, unsigned i, bool sign) {
        const wide value = (x >> (bits * i)) & ((1U << bits) - 1U);
        return sign && ((value >> (bits - 1)) & 1) != 0 ? value - (wide{1} << bits) : value;
    };
    for (const bool sa : {false, true}) {
        for (const bool sb : {false, true}) {
            const std::string types = std::string(sa ? ".s32" : ".u32") + (sb ? ".s32" : ".u32");
            const auto bits = [](wide x) {
                return static_cast<std::uint32_t>(x);
            };
            check_three<std::uint32_t, std::uint32_t>("dp4a" + types, [&](wide a, wide b, wide c) {
                for (unsigned i = 0; i < 4; ++i) {
                    c += field(bits(a), 8, i, sa) * field(bits(b), 8, i, sb);
                }
                return c;
            });
            const auto apart = [&](wide a, wide b, unsigned i) {
                const wide difference = field(bits(a), 8, i, sa) - field(bits(b), 8, i, sb);
                return difference < 0 ? -difference : difference;
            };
            const auto bytes = [&](wide a, wide b, wide) {
                wide result = 0;
                for (unsigned i = 0; i < 4; ++i) {
                    result |= (apart(a, b, i) & 0xFF) << (8 * i);
                }
                return result;
            };
            const auto total = [&](wide a, wide b, wide c) {
                return c + apart(a, b, 0) + apart(a, b, 1) + apart(a, b, 2) + apart(a, b, 3);
            };
            check_three<std::uint32_t, std::uint32_t>("vabsdiff4.u32" + types, bytes);
            check_three<std::uint32_t, std::uint32_t>("vabsdiff4.u32" + types + ".add", total);
            for (const bool upper : {false, true}) {
                const std::string mode = upper ? ".hi" : ".lo";
                const auto sum = [&](wide a, wide b, wide c) {
                    for (unsigned i = 0; i < 2; ++i) {
                        c += field(bits(a), 16, i, sa) * field(bits(b), 8, i + (upper ? 2 : 0), sb);
                    }
                    return c;
                };
                check_three<std::uint32_t, std::uint32_t>("dp2a" + mode + types, sum);
            }
        }
    }
}

}  // namespace kw::emu::test
