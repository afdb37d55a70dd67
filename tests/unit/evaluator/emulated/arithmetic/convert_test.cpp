// SPDX-License-Identifier: Apache-2.0
// Reference: the processor's conversions under fesetround, nearbyint and floor on long double, and
// search among a format's values. All 8-bit and 16-bit sources are tried.
#include "tests/unit/evaluator/emulated/arithmetic/narrow.hpp"
#include "tests/unit/evaluator/emulated/arithmetic/rig.hpp"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <optional>

namespace kw::emu::test {

namespace {

__extension__ using wide = __int128;

struct Type {
    std::string name;
    unsigned bits;
    bool real;
    bool sign;  ///< of an integer
};
const std::vector<Type> k_integers = {
    {".u8", 8, false, false},
    {".u16", 16, false, false},
    {".u32", 32, false, false},
    {".u64", 64, false, false},
    {".s8", 8, false, true},
    {".s16", 16, false, true},
    {".s32", 32, false, true},
    {".s64", 64, false, true}};
const std::vector<Type> k_reals = {
    {".f16", 16, true, true},
    {".bf16", 16, true, true},
    {".f32", 32, true, true},
    {".f64", 64, true, true}};

struct Direction {
    std::string name;
    int mode;
    Toward toward;
};
const std::vector<Direction> k_directions = {
    {".rn", FE_TONEAREST, Toward::nearest},
    {".rz", FE_TOWARDZERO, Toward::zero},
    {".rm", FE_DOWNWARD, Toward::down},
    {".rp", FE_UPWARD, Toward::up}};

std::uint64_t low_bits(std::uint64_t value, unsigned bits) {
    return bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

wide integer_value(const Type& type, std::uint64_t bits) {
    const std::uint64_t low = low_bits(bits, type.bits);
    return type.sign && ((low >> (type.bits - 1)) & 1U) != 0 ? wide{low} - (wide{1} << type.bits)
                                                             : wide{low};
}

wide lowest(const Type& type) {
    return type.sign ? -(wide{1} << (type.bits - 1)) : wide{0};
}

wide highest(const Type& type) {
    return (wide{1} << (type.bits - (type.sign ? 1 : 0))) - 1;
}

long double real_value(const Type& type, std::uint64_t bits) {
    if (type.name == ".f16") {
        return half_value(static_cast<std::uint16_t>(bits));
    }
    if (type.name == ".bf16") {
        return brain_value(static_cast<std::uint16_t>(bits));
    }
    return type.bits == 32
               ? static_cast<long double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
               : static_cast<long double>(std::bit_cast<double>(bits));
}

/// Rounded to a floating-point type; `exact` is.
std::uint64_t real_bits(const Type& type, long double exact, const Direction& direction) {
    if (type.bits == 16) {
        return round_to(
            type.name == ".f16" ? half_format() : brain_format(), exact, direction.toward);
    }
    std::fesetround(direction.mode);
    volatile long double source = exact;
    volatile float single = 0;
    volatile double twice = 0;
    if (type.bits == 32) {
        single = static_cast<float>(source);
    } else {
        twice = static_cast<double>(source);
    }
    std::fesetround(FE_TONEAREST);
    const float narrow = single;
    const double broad = twice;
    return type.bits == 32 ? std::bit_cast<std::uint32_t>(narrow)
                           : std::bit_cast<std::uint64_t>(broad);
}

std::uint64_t canonical_nan(const Type& type) {
    return type.bits == 64 ? 0x7FF8000000000000U : type.bits == 32 ? 0x7FFFFFFFU : 0x7FFFU;
}

/// All sources of up to 16 bits; edges and anything otherwise, in full registers.
std::vector<std::uint64_t> sources_of(const Type& type) {
    std::vector<std::uint64_t> bits;
    Random random{type.bits};
    if (type.bits <= 16) {
        for (std::uint64_t i = 0; i < (1U << type.bits); ++i) {
            bits.push_back(i | (random.next() << type.bits));
        }
    } else if (!type.real) {
        for (const std::uint64_t value : some_integers<std::uint64_t>(6000, 3)) {
            bits.push_back(value);
        }
    } else if (type.bits == 32) {
        for (const float value : some_floats(6000, 4)) {
            bits.push_back(std::bit_cast<std::uint32_t>(value));
        }
    } else {
        for (const double value : some_doubles(6000, 5)) {
            bits.push_back(std::bit_cast<std::uint64_t>(value));
        }
    }
    // Numbers about the size of integers with fractions, for rounding and clamping.
    for (int i = 0; type.real && type.bits >= 32 && i < 6000; ++i) {
        const auto size = static_cast<int>(random.next() % 68);
        const double value = std::ldexp(
            static_cast<double>(static_cast<std::int64_t>(random.next())) * 0x1p-63, size);
        const double part = i % 3 == 0 ? std::floor(value) + 0.5 : value;
        bits.push_back(
            type.bits == 32 ? std::bit_cast<std::uint32_t>(static_cast<float>(part))
                            : std::bit_cast<std::uint64_t>(part));
    }
    return bits;
}

/// A source column in a register as wide as the type, or in a 64-bit one.
Column register_of(const Type& type, const std::vector<std::uint64_t>& bits, bool in_wide) {
    Column column;
    column.width = in_wide || type.bits == 64 ? Width::w64 : Width::w32;
    for (const std::uint64_t value : bits) {
        column.values.push_back(column.width == Width::w64 ? value : low_bits(value, 32));
    }
    return column;
}

std::size_t mismatches(
    const std::vector<std::uint64_t>& got,
    const std::vector<std::uint64_t>& expected,
    unsigned bits) {
    std::size_t wrong = got.size() == expected.size() ? 0 : 1;
    for (std::size_t i = 0; i < got.size(); ++i) {
        wrong += low_bits(got[i], bits) != low_bits(expected[i], bits) ? 1U : 0U;
    }
    return wrong;
}

std::uint64_t flushed(const Type& type, std::uint64_t bits) {
    return type.name == ".f32" && (bits & 0x7F800000U) == 0 ? bits & 0x80000000U : bits;
}

long double unit(long double value) {
    return value > 0 ? std::min(value, 1.0L) : 0.0L;
}

}  // namespace

TEST_CASE("convert: integers are cut or clamped and fill wider registers") {
    KW_GOLDEN("cvt_integer");
    for (const Type& from : k_integers) {
        const std::vector<std::uint64_t> bits = sources_of(from);
        for (const Type& to : k_integers) {
            for (const bool sat : {false, true}) {
                if (sat && lowest(to) <= lowest(from) && highest(to) >= highest(from)) {
                    CHECK(binding_of("cvt.sat" + to.name + from.name).run == nullptr);
                    continue;
                }
                std::vector<std::uint64_t> expected;
                for (const std::uint64_t source : bits) {
                    wide value = integer_value(from, source);
                    value = sat ? std::clamp(value, lowest(to), highest(to)) : value;
                    const wide kept = integer_value(to, static_cast<std::uint64_t>(value));
                    expected.push_back(static_cast<std::uint64_t>(kept));
                }
                for (const bool wide_source : {false, true}) {
                    for (const bool wide_result : {false, true}) {
                        const Width result = wide_result || to.bits == 64 ? Width::w64 : Width::w32;
                        const std::string opcode =
                            "cvt" + std::string(sat ? ".sat" : "") + to.name + from.name;
                        const auto got =
                            run_opcode(opcode, {result}, {register_of(from, bits, wide_source)})[0];
                        INFO(opcode);
                        CHECK(mismatches(got, expected, result == Width::w64 ? 64 : 32) == 0);
                    }
                }
            }
        }
    }
}

TEST_CASE(
    "convert: floating point to integers rounds clamps and knows two kinds of NaN", "[slow]") {
    KW_GOLDEN("cvt_to_integer");
    for (const Type& from : k_reals) {
        const std::vector<std::uint64_t> bits = sources_of(from);
        for (const Direction& direction : k_directions) {
            std::vector<long double> whole;
            std::fesetround(direction.mode);
            for (const std::uint64_t source : bits) {
                whole.push_back(std::nearbyint(real_value(from, source)));
            }
            std::fesetround(FE_TONEAREST);
            for (const Type& to : k_integers) {
                std::vector<std::uint64_t> expected;
                const auto low = static_cast<long double>(lowest(to));
                const auto high = static_cast<long double>(highest(to));
                const bool zero = from.bits != 64 && to.bits != 64;
                for (const long double value : whole) {
                    const wide number = std::isnan(value) ? (zero ? 0 : wide{1} << (to.bits - 1))
                                        : value <= low    ? lowest(to)
                                        : value >= high   ? highest(to)
                                                          : static_cast<wide>(value);
                    expected.push_back(static_cast<std::uint64_t>(number));
                }
                const std::string opcode = "cvt" + direction.name + "i" + to.name + from.name;
                const Width result = to.bits == 64 ? Width::w64 : Width::w32;
                const auto got = run_opcode(opcode, {result}, {register_of(from, bits, false)})[0];
                INFO(opcode);
                CHECK(mismatches(got, expected, to.bits) == 0);
                if (from.name == ".bf16") {
                    continue;  // has no .sat
                }
                // Saturated they are in any case; here in a register that is wider.
                const std::vector<std::uint64_t> some(bits.end() - 3000, bits.end());
                const auto saturated = run_opcode(
                    "cvt" + direction.name + "i.sat" + to.name + from.name,
                    {Width::w64},
                    {register_of(from, some, false)})[0];
                expected.erase(expected.begin(), expected.end() - 3000);
                CHECK(mismatches(saturated, expected, to.bits) == 0);
            }
        }
    }
}

TEST_CASE("convert: subnormal f32 operands are zero with ftz") {
    const Type& from = k_reals[2];
    const std::vector<std::uint64_t> bits = {
        1, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000, 0x80800000};
    const Column source = register_of(from, bits, false);
    using Bits = std::vector<std::uint64_t>;
    CHECK(run_opcode("cvt.rpi.s32.f32", {Width::w32}, {source})[0] == Bits{1, 0, 1, 0, 1, 0});
    CHECK(run_opcode("cvt.rpi.ftz.s32.f32", {Width::w32}, {source})[0] == Bits{0, 0, 0, 0, 1, 0});
    CHECK(
        run_opcode("cvt.rmi.ftz.s32.f32", {Width::w32}, {source})[0] ==
        Bits{0, 0, 0, 0, 0, 0xFFFFFFFF});
}

TEST_CASE("convert: integers to floating point round in four directions") {
    KW_GOLDEN("cvt_from_integer");
    for (const Type& from : k_integers) {
        const std::vector<std::uint64_t> bits = sources_of(from);
        for (const Type& to : k_reals) {
            for (const Direction& direction : k_directions) {
                for (const bool sat : {false, true}) {
                    if (sat && to.name == ".bf16") {
                        continue;  // has no .sat
                    }
                    std::vector<std::uint64_t> expected;
                    for (const std::uint64_t source : bits) {
                        const auto value = static_cast<long double>(integer_value(from, source));
                        expected.push_back(real_bits(to, sat ? unit(value) : value, direction));
                    }
                    const std::string opcode =
                        "cvt" + direction.name + (sat ? ".sat" : "") + to.name + from.name;
                    const Width result = to.bits == 64 ? Width::w64 : Width::w32;
                    const auto got =
                        run_opcode(opcode, {result}, {register_of(from, bits, sat)})[0];
                    INFO(opcode);
                    CHECK(mismatches(got, expected, to.bits) == 0);
                }
            }
        }
    }
    // A zero has no sign.
    CHECK(
        run_opcode("cvt.rm.f32.s32", {Width::w32}, {column(std::vector<std::int32_t>{0})})[0][0] ==
        0);
}

namespace {

void check_real(
    const Type& to,
    const Type& from,
    const Direction& direction,
    const std::string& rounding,
    bool ftz,
    bool sat,
    bool integral) {
    const std::string opcode =
        "cvt" + rounding + (ftz ? ".ftz" : "") + (sat ? ".sat" : "") + to.name + from.name;
    if (binding_of(opcode).run == nullptr) {
        return;
    }
    const std::vector<std::uint64_t> bits = sources_of(from);
    std::vector<std::uint64_t> expected;
    for (const std::uint64_t source : bits) {
        const std::uint64_t low = low_bits(source, from.bits);
        long double value = real_value(from, ftz ? flushed(from, low) : low);
        const bool nan = std::isnan(value);
        if (integral) {
            std::fesetround(direction.mode);
            value = std::nearbyint(value);
            std::fesetround(FE_TONEAREST);
        }
        value = sat ? unit(value) : value;
        const std::uint64_t result =
            nan && !sat ? canonical_nan(to) : real_bits(to, value, direction);
        expected.push_back(ftz ? flushed(to, result) : result);
    }
    const Width result = to.bits == 64 ? Width::w64 : Width::w32;
    const auto got = run_opcode(opcode, {result}, {register_of(from, bits, false)})[0];
    INFO(opcode);
    CHECK(mismatches(got, expected, to.bits) == 0);
}

}  // namespace

TEST_CASE("convert: floating point to floating point in four directions") {
    KW_GOLDEN("cvt_real");
    for (const Type& from : k_reals) {
        for (const Type& to : k_reals) {
            for (const bool ftz : {false, true}) {
                for (const bool sat : {false, true}) {
                    check_real(to, from, k_directions[0], "", ftz, sat, false);
                    for (const Direction& direction : k_directions) {
                        check_real(to, from, direction, direction.name, ftz, sat, false);
                    }
                }
            }
        }
    }
    // What has to be there whatever is_legal says.
    for (const std::string opcode :
         {"cvt.rn.f16.f32",
          "cvt.rz.f16.f32",
          "cvt.f32.f16",
          "cvt.f64.f32",
          "cvt.rn.f32.f64",
          "cvt.rn.bf16.f32",
          "cvt.f32.bf16",
          "cvt.ftz.f32.f32",
          "cvt.sat.f32.f32",
          "cvt.f64.f16",
          "cvt.rn.f16.f64",
          "cvt.rn.bf16.f16",
          "cvt.rn.f16.bf16",
          "cvt.rp.ftz.sat.f32.f64"}) {
        INFO(opcode);
        CHECK(binding_of(opcode).run != nullptr);
    }
    CHECK(binding_of("cvt.f16.f32").run == nullptr);
    CHECK(binding_of("cvt.rn.f64.f32").run == nullptr);
}

TEST_CASE("convert: rounding to an integral number of the same type") {
    KW_GOLDEN("cvt_integral");
    for (const Type& type : k_reals) {
        for (const Direction& direction : k_directions) {
            check_real(type, type, direction, direction.name + "i", false, false, true);
            check_real(type, type, direction, direction.name + "i", false, true, true);
            if (type.bits == 32) {
                check_real(type, type, direction, direction.name + "i", true, false, true);
            }
        }
    }
    CHECK(binding_of("cvt.rni.f32.f32").run != nullptr);
    CHECK(binding_of("cvt.rni.f16.f32").run == nullptr);
}

namespace {

/// The upper halves of f32 with the lower ones that round differently, and every tie of the format
/// with its neighbours.
std::vector<float> singles(const NarrowFormat& format) {
    std::vector<float> values;
    for (std::uint32_t high = 0; high < 0x10000; ++high) {
        for (const std::uint32_t low : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
            values.push_back(std::bit_cast<float>((high << 16) | low));
        }
    }
    for (std::size_t i = 1; i < format.values.size(); ++i) {
        const auto tie = static_cast<float>((format.values[i - 1] + format.values[i]) / 2);
        values.push_back(tie);
        values.push_back(-tie);
        values.push_back(std::nextafter(tie, INFINITY));
        values.push_back(std::nextafter(tie, 0.0F));
    }
    return values;
}

struct Limits {
    bool relu = false;
    bool satfinite = false;
    [[nodiscard]] std::string text() const {
        return std::string(relu ? ".relu" : "") + (satfinite ? ".satfinite" : "");
    }
};

std::uint32_t limited(
    const NarrowFormat& format, float value, Toward toward, const Limits& limits) {
    std::uint32_t bits = round_to(format, value, toward);
    if (std::isnan(value)) {
        return bits;
    }
    if (limits.satfinite && (bits & ~format.sign) >= format.values.size()) {
        bits = (bits & format.sign) | static_cast<std::uint32_t>(format.values.size() - 1);
    }
    return limits.relu && (bits & format.sign) != 0 ? 0 : bits;
}

}  // namespace

TEST_CASE("convert: f32 to f16 and bf16 and to pairs of them with relu and satfinite", "[slow]") {
    KW_GOLDEN("cvt_narrow");
    KW_GOLDEN("cvt_packed");
    for (const bool brain : {false, true}) {
        const NarrowFormat& format = brain ? brain_format() : half_format();
        const std::string type = brain ? ".bf16" : ".f16";
        const std::vector<float> all = singles(format);
        std::vector<float> few;
        for (std::size_t i = 0; i < all.size(); i += 11) {
            few.push_back(all[i]);
        }
        for (const bool zero : {false, true}) {
            for (const Limits limits : {Limits{}, {true, false}, {false, true}, {true, true}}) {
                const bool plain = !zero && limits.text().empty();
                const std::vector<float>& in = plain ? all : few;
                const std::vector<float> other(in.rbegin(), in.rend());
                const std::string modifiers = (zero ? ".rz" : ".rn") + limits.text();
                const Toward toward = zero ? Toward::zero : Toward::nearest;
                std::vector<std::uint32_t> expected;
                for (const float value : in) {
                    expected.push_back(limited(format, value, toward, limits));
                }
                const auto one = evaluate<std::uint16_t>("cvt" + modifiers + type + ".f32", in);
                const auto two =
                    evaluate<std::uint32_t>("cvt" + modifiers + type + "x2.f32", in, other);
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < in.size(); ++i) {
                    wrong += one[i] != expected[i] ? 1U : 0U;
                    // The first operand is the upper half.
                    const std::uint32_t low = expected[in.size() - 1 - i];
                    wrong += two[i] != ((expected[i] << 16) | low) ? 1U : 0U;
                }
                INFO(modifiers + type);
                CHECK(wrong == 0);
            }
        }
    }
}

TEST_CASE("convert: tf32 keeps ten places of the fraction") {
    KW_GOLDEN("cvt_tf32");
    std::vector<float> in = some_floats(20000, 6);
    for (std::uint32_t i = 0; i < 20000; ++i) {
        // About the ties of a 13-bit cut.
        const std::uint32_t bits = (i * 0x9E3779B9U & 0xFFFFE000U) + 0x1000U + i % 3 - 1;
        in.push_back(std::bit_cast<float>(bits));
    }
    const auto reference = [](float value, Toward toward) {
        // Scaled so that a unit in the last of eleven places is 1, and rounded there.
        const long double size = std::fabs(static_cast<long double>(value));
        const int exponent = size == 0 ? -126 : std::max(std::ilogb(size), -126);
        const long double units = std::ldexp(size, 10 - exponent);
        long double kept = std::floor(units);
        const long double rest = units - kept;
        const bool odd = std::fmod(kept, 2.0L) != 0;
        kept += toward == Toward::zero                                             ? 0
                : rest > 0.5L || (rest == 0.5L && (toward == Toward::away || odd)) ? 1
                                                                                   : 0;
        return std::copysign(static_cast<float>(std::ldexp(kept, exponent - 10)), value);
    };
    const std::vector<std::pair<std::string, Toward>> modes = {
        {".rna", Toward::away}, {".rn", Toward::nearest}, {".rz", Toward::zero}};
    for (const auto& [mode, toward] : modes) {
        for (const bool satfinite : {false, true}) {
            for (const bool relu : {false, true}) {
                const std::string opcode = "cvt" + mode + (satfinite ? ".satfinite" : "") +
                                           (relu ? ".relu" : "") + ".tf32.f32";
                if (relu && mode == ".rna") {
                    CHECK(binding_of(opcode).run == nullptr);
                    continue;
                }
                const auto got = evaluate<std::uint32_t>(opcode, in);
                std::size_t wrong = 0;
                for (std::size_t i = 0; i < in.size(); ++i) {
                    float value =
                        std::isnan(in[i]) || std::isinf(in[i]) ? in[i] : reference(in[i], toward);
                    const bool infinite =
                        std::isinf(value) &&
                        (satfinite || (toward == Toward::zero && !std::isinf(in[i])));
                    value =
                        infinite ? std::copysign(std::bit_cast<float>(0x7F7FE000U), value) : value;
                    value = relu && std::signbit(value) ? 0.0F : value;
                    const std::uint32_t expected =
                        std::isnan(in[i]) ? 0x7FFFFFFFU : std::bit_cast<std::uint32_t>(value);
                    wrong += got[i] != expected ? 1U : 0U;
                }
                INFO(opcode);
                CHECK(wrong == 0);
            }
        }
    }
}

TEST_CASE("convert: f32 and f16 pairs to fp8 saturate and every fp8 comes back") {
    KW_GOLDEN("cvt_to_fp8");
    KW_GOLDEN("cvt_from_fp8");
    std::vector<std::uint16_t> bytes;
    std::vector<std::uint32_t> halves;
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        bytes.push_back(static_cast<std::uint16_t>(i));
        halves.push_back(i | ((0xFFFFU - i) << 16));
    }
    for (const bool e4m3 : {false, true}) {
        const NarrowFormat& format = e4m3 ? e4m3_format() : e5m2_format();
        const std::string type = e4m3 ? ".e4m3x2" : ".e5m2x2";
        const std::vector<float> in = singles(format);
        const std::vector<float> other(in.rbegin(), in.rend());
        for (const bool relu : {false, true}) {
            const std::string modifier = relu ? ".relu" : "";
            const Limits limits{relu, true};
            const auto one = [&](double value) {
                return limited(format, static_cast<float>(value), Toward::nearest, limits);
            };
            std::size_t wrong = 0;
            const auto pairs =
                evaluate<std::uint16_t>("cvt.rn.satfinite" + modifier + type + ".f32", in, other);
            for (std::size_t i = 0; i < in.size(); ++i) {
                const std::uint32_t low = one(in[in.size() - 1 - i]);
                wrong += pairs[i] != ((one(in[i]) << 8) | low) ? 1U : 0U;
            }
            const auto narrow =
                evaluate<std::uint16_t>("cvt.rn.satfinite" + modifier + type + ".f16x2", halves);
            const auto back = evaluate<std::uint32_t>("cvt.rn" + modifier + ".f16x2" + type, bytes);
            const auto half = [&](std::uint32_t byte) {
                const auto bits = static_cast<std::uint8_t>(byte);
                const double value = e4m3 ? e4m3_value(bits) : e5m2_value(bits);
                const std::uint32_t exact = round_to(half_format(), value, Toward::nearest);
                return relu && !std::isnan(value) && std::signbit(value) ? 0U : exact;
            };
            for (std::uint32_t i = 0; i < 0x10000; ++i) {
                const auto high = static_cast<std::uint16_t>(0xFFFFU - i);
                const std::uint32_t expected =
                    (one(half_value(high)) << 8) | one(half_value(static_cast<std::uint16_t>(i)));
                wrong += narrow[i] != expected ? 1U : 0U;
                wrong += back[i] != ((half(i >> 8) << 16) | half(i & 0xFFU)) ? 1U : 0U;
            }
            INFO(type + modifier);
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("convert: pack clamps two integers and pushes the third up") {
    KW_GOLDEN("cvt_pack");
    const auto a = some_integers<std::int32_t>(4096, 7);
    const auto b = some_integers<std::int32_t>(4096, 8);
    const auto c = some_integers<std::uint32_t>(4096, 9);
    for (const bool sign : {false, true}) {
        for (const unsigned bits : {2U, 4U, 8U, 16U}) {
            const std::string opcode = std::string("cvt.pack.sat") + (sign ? ".s" : ".u") +
                                       std::to_string(bits) + ".s32" + (bits == 16 ? "" : ".b32");
            const auto got = bits == 16 ? evaluate<std::uint32_t>(opcode, a, b)
                                        : evaluate<std::uint32_t>(opcode, a, b, c);
            const Type type{"", bits, false, sign};
            const auto cut = [&](std::int32_t value) {
                const wide kept = std::clamp(wide{value}, lowest(type), highest(type));
                return low_bits(static_cast<std::uint64_t>(kept), bits);
            };
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                const std::uint64_t above = bits == 16 ? 0 : std::uint64_t{c[i]} << (2 * bits);
                const std::uint64_t expected = above | (cut(a[i]) << bits) | cut(b[i]);
                wrong += got[i] != static_cast<std::uint32_t>(expected) ? 1U : 0U;
            }
            INFO(opcode);
            CHECK(wrong == 0);
        }
    }
    CHECK(binding_of("cvt.pack.sat.u8.s32").run == nullptr);
    CHECK(binding_of("cvt.pack.sat.u16.s32.b32").run == nullptr);
}

}  // namespace kw::emu::test
