// SPDX-License-Identifier: Apache-2.0
// Reference: bit by bit, as the ISA's pseudo-code says.
#include "evaluator/device/emulated/engine/lane_loop.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <algorithm>
#include <array>

namespace kw::emu::test {

namespace {

constexpr std::size_t k_count = 4096;

using U32 = std::uint32_t;
using U64 = std::uint64_t;

bool bit(U64 value, int at) {
    return at >= 0 && at < 64 && ((value >> at) & 1U) != 0;
}

template <class T>
constexpr int k_bits = static_cast<int>(8 * sizeof(T));

/// Shift counts and field positions: mostly near the width.
std::vector<U32> some_counts(std::size_t count, U64 seed) {
    Random random{seed};
    std::vector<U32> values;
    for (std::size_t i = 0; i < count; ++i) {
        const U64 choice = random.next() % 8;
        const auto any = static_cast<U32>(random.next());
        values.push_back(choice < 6 ? any % 70 : choice == 6 ? any % 300 : any);
    }
    return values;
}

template <class R, class F, class... A>
void check(const std::string& opcode, F reference, const std::vector<A>&... in) {
    const auto got = evaluate<R>(opcode, in...);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        wrong += got[i] != static_cast<R>(reference(in[i]...)) ? 1U : 0U;
    }
    INFO(opcode);
    CHECK(wrong == 0);
}

template <class T>
T field_of(T a, U32 start, U32 length, bool with_sign) {
    const int msb = k_bits<T> - 1;
    const int pos = static_cast<int>(start & 0xFF);
    const int len = static_cast<int>(length & 0xFF);
    const bool sign = with_sign && len != 0 && bit(a, std::min(pos + len - 1, msb));
    U64 result = 0;
    for (int i = 0; i <= msb; ++i) {
        const bool one = i < len && pos + i <= msb ? bit(a, pos + i) : sign;
        result |= U64{one} << i;
    }
    return static_cast<T>(result);
}

template <class T>
T inserted(T a, T b, U32 start, U32 length) {
    const int msb = k_bits<T> - 1;
    const int pos = static_cast<int>(start & 0xFF);
    const int len = static_cast<int>(length & 0xFF);
    U64 result = b;
    for (int i = 0; i < len && pos + i <= msb; ++i) {
        result &= ~(U64{1} << (pos + i));
        result |= U64{bit(a, i)} << (pos + i);
    }
    return static_cast<T>(result);
}

template <class T>
U32 found(T a, bool with_sign, bool shift) {
    const int msb = k_bits<T> - 1;
    const bool sign = with_sign && bit(a, msb);
    for (int i = msb; i >= 0; --i) {
        if (bit(a, i) != sign) {
            return static_cast<U32>(shift ? msb - i : i);
        }
    }
    return 0xFFFFFFFFU;
}

U32 nth_set(U32 mask, U32 base, std::int32_t offset) {
    if (offset == 0) {
        return bit(mask, static_cast<int>(base)) ? base : 0xFFFFFFFFU;
    }
    int at = static_cast<int>(base);
    std::int64_t left = std::abs(std::int64_t{offset}) - 1;
    while (at >= 0 && at < 32) {
        if (bit(mask, at)) {
            if (left == 0) {
                return static_cast<U32>(at);
            }
            --left;
        }
        at += offset > 0 ? 1 : -1;
    }
    return 0xFFFFFFFFU;
}

U32 extended(U32 a, U32 b, bool clamp, bool with_sign) {
    const U32 many = b & 31U;
    const bool too_large = b >= 32 && clamp;
    const U64 mask = too_large ? 0 : (~U64{0} << many) & 0xFFFFFFFFU;
    const bool sign = many != 0 && !too_large && with_sign && bit(a, static_cast<int>(many) - 1);
    return static_cast<U32>((a & ~mask) | (sign ? mask : 0));
}

U32 mask_of(U32 a, U32 b, bool clamp) {
    const U32 from = a & 31U;
    const U32 many = b & 31U;
    U32 result = 0;
    if (clamp && a >= 32) {
        return 0;
    }
    for (U32 i = from; i < 32; ++i) {
        const bool inside = (clamp && b >= 32) || i < from + many;
        result |= U32{inside} << i;
    }
    return result;
}

template <class T>
void check_one_width(const std::string& size) {
    const auto a = some_integers<T>(k_count, 1);
    const auto b = some_integers<T>(k_count, 2);
    const auto start = some_counts(k_count, 3);
    const auto length = some_counts(k_count, 4);
    const auto ones = [](T x) {
        U32 count = 0;
        for (int i = 0; i < k_bits<T>; ++i) {
            count += bit(x, i) ? 1U : 0U;
        }
        return count;
    };
    const auto zeros = [](T x) {
        const U32 at = found(x, false, true);
        return at == 0xFFFFFFFFU ? static_cast<U32>(k_bits<T>) : at;
    };
    const auto reversed = [](T x) {
        U64 result = 0;
        for (int i = 0; i < k_bits<T>; ++i) {
            result |= U64{bit(x, i)} << (k_bits<T> - 1 - i);
        }
        return static_cast<T>(result);
    };
    check<U32>("popc.b" + size, ones, a);
    check<U32>("clz.b" + size, zeros, a);
    check<T>("brev.b" + size, reversed, a);
    check<T>("bfi.b" + size, inserted<T>, a, b, start, length);
    for (const bool sign : {false, true}) {
        const std::string type = (sign ? ".s" : ".u") + size;
        const auto field = [sign](T x, U32 s, U32 l) {
            return field_of(x, s, l, sign);
        };
        check<T>("bfe" + type, field, a, start, length);
        check<U32>(
            "bfind" + type, [sign](T x) { return found(x, sign, false); }, a);
        check<U32>(
            "bfind.shiftamt" + type, [sign](T x) { return found(x, sign, true); }, a);
    }
}

template <class T>
void check_shifts(const std::string& size) {
    const auto a = some_integers<T>(k_count, 5);
    const auto count = some_counts(k_count, 6);
    const auto left = [](T x, U32 n) {
        return n >= static_cast<U32>(k_bits<T>) ? T{0} : static_cast<T>(U64{x} << n);
    };
    const auto right = [](T x, U32 n) {
        return field_of<T>(x, std::min(n, 255U), 64, false);
    };
    const auto right_signed = [](T x, U32 n) {
        U64 result = 0;
        for (int i = 0; i < k_bits<T>; ++i) {
            const U64 from = std::min<U64>(U64{n} + static_cast<U64>(i), k_bits<T> - 1);
            result |= U64{bit(x, static_cast<int>(from))} << i;
        }
        return static_cast<T>(result);
    };
    check<T>("shl.b" + size, left, a, count);
    check<T>("shr.b" + size, right, a, count);
    check<T>("shr.u" + size, right, a, count);
    check<T>("shr.s" + size, right_signed, a, count);
}

template <class T>
void check_bitwise(const std::string& size) {
    const auto a = some_integers<T>(k_count, 7);
    const auto b = some_integers<T>(k_count, 8);
    check<T>(
        "and.b" + size, [](T x, T y) { return x & y; }, a, b);
    check<T>(
        "or.b" + size, [](T x, T y) { return x | y; }, a, b);
    check<T>(
        "xor.b" + size, [](T x, T y) { return x ^ y; }, a, b);
    check<T>(
        "not.b" + size, [](T x) { return ~x; }, a);
    check<T>(
        "cnot.b" + size, [](T x) { return x == 0 ? 1 : 0; }, a);
}

}  // namespace

TEST_CASE("arithmetic: bits are counted found and moved as the pseudo-code says") {
    KW_GOLDEN("popc");
    KW_GOLDEN("brev");
    KW_GOLDEN("bfe");
    KW_GOLDEN("bfi");
    KW_GOLDEN("bfind");
    check_one_width<U32>("32");
    check_one_width<U64>("64");
}

TEST_CASE("arithmetic: masks and sign extensions clamp or wrap") {
    KW_GOLDEN("fns");
    KW_GOLDEN("szext");
    KW_GOLDEN("bmsk");
    const auto a = some_integers<U32>(k_count, 9);
    const auto count = some_counts(k_count, 10);
    const auto width = some_counts(k_count, 11);
    for (const bool clamp : {false, true}) {
        const std::string mode = clamp ? ".clamp" : ".wrap";
        for (const bool sign : {false, true}) {
            const auto reference = [=](U32 x, U32 n) {
                return extended(x, n, clamp, sign);
            };
            check<U32>("szext" + mode + (sign ? ".s32" : ".u32"), reference, a, count);
        }
        check<U32>(
            "bmsk" + mode + ".b32",
            [=](U32 x, U32 n) { return mask_of(x, n, clamp); },
            count,
            width);
    }
    std::vector<U32> base;
    std::vector<std::int32_t> offset;
    for (std::size_t i = 0; i < k_count; ++i) {
        base.push_back(count[i] % 32);
        offset.push_back(static_cast<std::int32_t>(width[i] % 71) - 35);
    }
    offset[0] = std::numeric_limits<std::int32_t>::min();
    check<U32>("fns.b32", nth_set, a, base, offset);
}

TEST_CASE("arithmetic: shifts beyond the width leave nothing or the sign") {
    KW_GOLDEN("shl");
    KW_GOLDEN("shr");
    check_shifts<std::uint16_t>("16");
    check_shifts<U32>("32");
    check_shifts<U64>("64");
}

TEST_CASE("arithmetic: funnel shifts clamp or wrap") {
    KW_GOLDEN("shf");
    const auto a = some_integers<U32>(k_count, 12);
    const auto b = some_integers<U32>(k_count, 13);
    const auto c = some_counts(k_count, 14);
    for (const bool left : {false, true}) {
        for (const bool clamp : {false, true}) {
            const auto reference = [=](U32 low, U32 high, U32 n) {
                const int count = static_cast<int>(clamp ? std::min(n, 32U) : n % 32);
                const auto at = [&](int i) {
                    return i < 32 ? bit(low, i) : bit(high, i - 32);
                };
                U32 result = 0;
                for (int i = 0; i < 32; ++i) {
                    const int from = left ? 32 + i - count : i + count;
                    result |= U32{from < 64 && at(from)} << i;
                }
                return result;
            };
            const std::string opcode =
                std::string("shf") + (left ? ".l" : ".r") + (clamp ? ".clamp" : ".wrap") + ".b32";
            check<U32>(opcode, reference, a, b, c);
        }
    }
}

TEST_CASE("arithmetic: bitwise logic in every width") {
    KW_GOLDEN("logic");
    KW_GOLDEN("not");
    KW_GOLDEN("cnot");
    check_bitwise<std::uint16_t>("16");
    check_bitwise<U32>("32");
    check_bitwise<U64>("64");
}

TEST_CASE("arithmetic: logic of predicates honours negation") {
    std::vector<bool> a;
    std::vector<bool> b;
    for (unsigned i = 0; i < 64; ++i) {
        a.push_back((i & 1U) != 0);
        b.push_back((i & 2U) != 0);
    }
    for (const bool negated : {false, true}) {
        Column second = predicates(b);
        second.negated = negated;
        const std::vector<Column> in = {predicates(a), second};
        const auto conjunction = run_opcode("and.pred", {Width::predicate}, in)[0];
        const auto disjunction = run_opcode("or.pred", {Width::predicate}, in)[0];
        const auto difference = run_opcode("xor.pred", {Width::predicate}, in)[0];
        const auto inverse = run_opcode("not.pred", {Width::predicate}, {second})[0];
        const auto copy = run_opcode("mov.pred", {Width::predicate}, {second})[0];
        for (unsigned i = 0; i < 64; ++i) {
            const bool y = b[i] != negated;
            CHECK(conjunction[i] == (a[i] && y ? 1U : 0U));
            CHECK(disjunction[i] == (a[i] || y ? 1U : 0U));
            CHECK(difference[i] == (a[i] != y ? 1U : 0U));
            CHECK(inverse[i] == (y ? 0U : 1U));
            CHECK(copy[i] == (y ? 1U : 0U));
        }
    }
}

TEST_CASE("arithmetic: lop3 follows all 256 tables") {
    KW_GOLDEN("lop3");
    // Every combination of three bits stands in every place of some operand.
    const auto a = some_integers<U32>(96, 15);
    const auto b = some_integers<U32>(96, 16);
    const auto c = some_integers<U32>(96, 17);
    std::vector<bool> q;
    for (std::size_t i = 0; i < a.size(); ++i) {
        q.push_back(i % 3 == 0);
    }
    std::size_t wrong = 0;
    for (U32 table = 0; table < 256; ++table) {
        const std::vector<U32> immediate(a.size(), table);
        std::vector<U32> expected;
        for (std::size_t i = 0; i < a.size(); ++i) {
            U32 result = 0;
            for (int k = 0; k < 32; ++k) {
                const int index = (bit(a[i], k) ? 4 : 0) + (bit(b[i], k) ? 2 : 0) + bit(c[i], k);
                result |= U32{bit(table, index)} << k;
            }
            expected.push_back(result);
        }
        wrong += evaluate<U32>("lop3.b32", a, b, c, immediate) != expected ? 1U : 0U;
        const std::vector<Column> in = {
            column(a), column(b), column(c), column(immediate), predicates(q)};
        for (const bool either : {false, true}) {
            const auto got = run_opcode(
                either ? "lop3.or.b32" : "lop3.and.b32", {Width::w32, Width::predicate}, in);
            for (std::size_t i = 0; i < a.size(); ++i) {
                const bool set = expected[i] != 0;
                wrong += got[0][i] != expected[i] ? 1U : 0U;
                wrong += (got[1][i] != 0) != (either ? set || q[i] : set && q[i]) ? 1U : 0U;
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("arithmetic: prmt picks bytes in every mode with constant and varying selectors") {
    KW_GOLDEN("prmt");
    // The table of the ISA, of the bytes d.b3 d.b2 d.b1 d.b0 for the selectors 0 to 3.
    const std::array<std::pair<std::string, std::array<std::array<int, 4>, 4>>, 6> modes = {{
        {".f4e", {{{3, 2, 1, 0}, {4, 3, 2, 1}, {5, 4, 3, 2}, {6, 5, 4, 3}}}},
        {".b4e", {{{5, 6, 7, 0}, {6, 7, 0, 1}, {7, 0, 1, 2}, {0, 1, 2, 3}}}},
        {".rc8", {{{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}}},
        {".ecl", {{{3, 2, 1, 0}, {3, 2, 1, 1}, {3, 2, 2, 2}, {3, 3, 3, 3}}}},
        {".ecr", {{{0, 0, 0, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}, {3, 2, 1, 0}}}},
        {".rc16", {{{1, 0, 1, 0}, {3, 2, 3, 2}, {1, 0, 1, 0}, {3, 2, 3, 2}}}},
    }};
    const auto a = some_integers<U32>(1024, 18);
    const auto b = some_integers<U32>(1024, 19);
    const auto varying = some_integers<U32>(1024, 20);
    const auto byte = [](U32 x, U32 y, U32 i) {
        return ((U64{y} << 32 | x) >> (8 * i)) & 0xFFU;
    };
    const auto generic = [&](U32 x, U32 y, U32 selector) {
        U32 result = 0;
        for (U32 i = 0; i < 4; ++i) {
            const U32 pick = (selector >> (4 * i)) & 0xFU;
            U64 value = byte(x, y, pick & 7U);
            if ((pick & 8U) != 0) {
                value = value >= 0x80 ? 0xFF : 0;
            }
            result |= static_cast<U32>(value << (8 * i));
        }
        return result;
    };
    check<U32>("prmt.b32", generic, a, b, varying);
    for (U32 selector = 0; selector < 0x10000; selector += 0x1235) {
        check<U32>("prmt.b32", generic, a, b, std::vector<U32>(a.size(), selector));
    }
    for (const auto& [name, table] : modes) {
        const auto reference = [&, &rows = table](U32 x, U32 y, U32 selector) {
            U64 result = 0;
            for (U32 i = 0; i < 4; ++i) {
                const int from = rows[selector & 3U][3 - i];
                result |= byte(x, y, static_cast<U32>(from)) << (8 * i);
            }
            return static_cast<U32>(result);
        };
        check<U32>("prmt.b32" + name, reference, a, b, varying);
        for (U32 selector = 0; selector < 4; ++selector) {
            check<U32>("prmt.b32" + name, reference, a, b, std::vector<U32>(a.size(), selector));
        }
    }
}

}  // namespace kw::emu::test
