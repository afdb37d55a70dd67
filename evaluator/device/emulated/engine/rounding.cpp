// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/rounding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kw::emu {

namespace {

int length(u128 value) {
    const auto high = static_cast<std::uint64_t>(value >> 64);
    const auto low = static_cast<std::uint64_t>(value);
    return high != 0 ? 128 - std::countl_zero(high) : 64 - std::countl_zero(low);
}

u128 up(u128 value, int places) {
    return places >= 128 ? u128{0} : value << places;
}

u128 down(u128 value, int places) {
    return places >= 128 ? u128{0} : value >> places;
}

/// magnitude >> places, rounded; `sticky` as in Exact. places > 0.
u128 shift_rounded(const Exact& value, int places, Round round) {
    const u128 kept = down(value.magnitude, places);
    const u128 cut = value.magnitude - up(kept, places);
    const u128 half = places <= 128 ? up(1, places - 1) : u128{0};
    const bool inexact = cut != 0 || value.sticky;
    // Beyond 128 places everything is less than a half.
    const bool above = half != 0 && (cut > half || (cut == half && value.sticky));
    const bool tie = half != 0 && cut == half && !value.sticky;
    bool step = false;
    switch (round) {
        case Round::nearest: step = above || (tie && (kept & 1U) != 0); break;
        case Round::away: step = above || tie; break;
        case Round::zero: break;
        case Round::down: step = inexact && value.negative; break;
        case Round::up: step = inexact && !value.negative; break;
    }
    return kept + (step ? 1U : 0U);
}

Exact with_magnitude(const Exact& like, u128 magnitude, int exponent, bool sticky) {
    Exact result = like;
    result.kind = magnitude == 0 && !sticky ? Kind::zero : Kind::finite;
    result.magnitude = magnitude;
    result.exponent = exponent;
    result.sticky = sticky;
    return result;
}

Exact special(Kind kind, bool negative) {
    return Exact{kind, negative, false, 0, 0};
}

/// Moved left so that it has `places` places.
Exact normalised(const Exact& value, int places) {
    const int shift = places - length(value.magnitude);
    return with_magnitude(value, up(value.magnitude, shift), value.exponent - shift, value.sticky);
}

/// a + b, not zero both, exponent of a the larger or equal one; a has at most 53 places or, if it
/// has more, exactly 106, and b at most 106.
Exact add_aligned(const Exact& a, const Exact& b) {
    const int room = 126 - std::max(length(a.magnitude), 56);
    const int apart = a.exponent - b.exponent;
    const int shift = std::min(apart, room);
    const u128 larger = a.magnitude << shift;
    const u128 smaller = down(b.magnitude, apart - shift);
    const bool sticky = up(smaller, apart - shift) != b.magnitude;
    const int exponent = a.exponent - shift;
    if (a.negative == b.negative) {
        return with_magnitude(a, larger + smaller, exponent, sticky);
    }
    if (larger >= smaller + (sticky ? 1U : 0U)) {
        return with_magnitude(a, larger - smaller - (sticky ? 1U : 0U), exponent, sticky);
    }
    return with_magnitude(b, smaller - larger, exponent, sticky);
}

}  // namespace

Round round_of(std::string_view name) {
    const std::string_view core = name.substr(0, 3);
    if (name == ".rna") {
        return Round::away;
    }
    if (core == ".rz") {
        return Round::zero;
    }
    if (core == ".rm") {
        return Round::down;
    }
    return core == ".rp" ? Round::up : Round::nearest;
}

Exact unpack(const Format& format, std::uint64_t bits) {
    const int fraction_bits = format.precision - 1;
    const int exponent_bits = format.bits - format.precision;
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
    const auto field =
        static_cast<int>((bits >> fraction_bits) & ((std::uint64_t{1} << exponent_bits) - 1));
    Exact value;
    value.negative = ((bits >> (format.bits - 1)) & 1U) != 0;
    if (field == (1 << exponent_bits) - 1) {
        value.kind = fraction != 0 ? Kind::nan : Kind::infinite;
        return value;
    }
    value.magnitude = field == 0 ? fraction : fraction | (std::uint64_t{1} << fraction_bits);
    value.kind = value.magnitude == 0 ? Kind::zero : Kind::finite;
    value.exponent = format.min_exponent - fraction_bits + std::max(field - 1, 0);
    return value;
}

std::uint64_t pack(const Format& format, const Exact& value, Round round) {
    const int fraction_bits = format.precision - 1;
    const std::uint64_t sign = std::uint64_t{value.negative} << (format.bits - 1);
    const std::uint64_t infinity = ((std::uint64_t{1} << (format.bits - format.precision)) - 1)
                                   << fraction_bits;
    switch (value.kind) {
        case Kind::zero: return sign;
        case Kind::infinite: return sign | infinity;
        case Kind::nan:
            return format.bits == 64 ? 0xFFF8000000000000U
                                     : (std::uint64_t{1} << (format.bits - 1)) - 1;
        case Kind::finite: break;
    }
    const int smallest = format.min_exponent - fraction_bits;
    const int leading = value.exponent + length(value.magnitude) - 1;
    const int last = std::max(leading - fraction_bits, smallest);
    const int places = last - value.exponent;
    const u128 kept =
        places > 0 ? shift_rounded(value, places, round) : up(value.magnitude, -places);
    // A carry out of the fraction moves into the exponent by itself.
    const auto field = static_cast<u128>(last - smallest);
    const u128 bits = (field << fraction_bits) + kept;
    if (bits >= infinity) {
        const bool outwards = round == Round::nearest || round == Round::away ||
                              (round == Round::up && !value.negative) ||
                              (round == Round::down && value.negative);
        return sign | (outwards ? infinity : infinity - 1);
    }
    return sign | static_cast<std::uint64_t>(bits);
}

Exact exact_of(std::uint64_t magnitude, bool negative) {
    return Exact{magnitude == 0 ? Kind::zero : Kind::finite, negative, false, 0, magnitude};
}

Exact multiply(const Exact& a, const Exact& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Kind::nan || b.kind == Kind::nan) {
        return special(Kind::nan, false);
    }
    if (a.kind == Kind::infinite || b.kind == Kind::infinite) {
        const bool undefined = a.kind == Kind::zero || b.kind == Kind::zero;
        return special(undefined ? Kind::nan : Kind::infinite, negative);
    }
    Exact product = with_magnitude(a, a.magnitude * b.magnitude, a.exponent + b.exponent, false);
    product.negative = negative;
    return product.kind == Kind::zero ? product : normalised(product, 106);
}

Exact add(const Exact& a, const Exact& b, Round round) {
    if (a.kind == Kind::nan || b.kind == Kind::nan) {
        return special(Kind::nan, false);
    }
    if (a.kind == Kind::infinite || b.kind == Kind::infinite) {
        const bool undefined = a.kind == b.kind && a.negative != b.negative;
        const bool negative = a.kind == Kind::infinite ? a.negative : b.negative;
        return special(undefined ? Kind::nan : Kind::infinite, negative);
    }
    if (a.kind == Kind::zero && b.kind == Kind::zero) {
        const bool negative = a.negative == b.negative ? a.negative : round == Round::down;
        return special(Kind::zero, negative);
    }
    if (a.kind == Kind::zero || b.kind == Kind::zero) {
        return a.kind == Kind::zero ? b : a;
    }
    Exact sum = a.exponent >= b.exponent ? add_aligned(a, b) : add_aligned(b, a);
    if (sum.kind == Kind::zero) {
        sum.negative = round == Round::down;
    }
    return sum;
}

Exact divide(const Exact& a, const Exact& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Kind::nan || b.kind == Kind::nan ||
        (a.kind == b.kind && a.kind != Kind::finite)) {
        return special(Kind::nan, false);
    }
    if (a.kind == Kind::infinite || b.kind == Kind::zero) {
        return special(Kind::infinite, negative);
    }
    if (a.kind == Kind::zero || b.kind == Kind::infinite) {
        return special(Kind::zero, negative);
    }
    const Exact top = normalised(a, 124);
    const Exact bottom = normalised(b, 60);
    Exact quotient = with_magnitude(
        a,
        top.magnitude / bottom.magnitude,
        top.exponent - bottom.exponent,
        top.magnitude % bottom.magnitude != 0);
    quotient.negative = negative;
    return quotient;
}

Exact square_root(const Exact& a) {
    if (a.kind == Kind::zero || a.kind == Kind::nan) {
        return a;
    }
    if (a.negative) {
        return special(Kind::nan, false);
    }
    if (a.kind == Kind::infinite) {
        return a;
    }
    // An even exponent, and 122 or 123 places of which the root has 61 or 62.
    Exact square = normalised(a, 122);
    if (square.exponent % 2 != 0) {
        square = normalised(a, 123);
    }
    u128 root = 0;
    for (u128 bit = u128{1} << 62; bit != 0; bit >>= 1) {
        const u128 next = root | bit;
        root = next * next <= square.magnitude ? next : root;
    }
    return with_magnitude(a, root, square.exponent / 2, root * root != square.magnitude);
}

i128 to_integer(const Exact& value, Round round, i128 low, i128 high, i128 nan) {
    switch (value.kind) {
        case Kind::zero: return std::clamp(i128{0}, low, high);
        case Kind::nan: return nan;
        case Kind::infinite: return value.negative ? low : high;
        case Kind::finite: break;
    }
    if (value.exponent + length(value.magnitude) > 70) {
        return value.negative ? low : high;
    }
    const u128 size = value.exponent >= 0 ? up(value.magnitude, value.exponent)
                                          : shift_rounded(value, -value.exponent, round);
    const auto number = static_cast<i128>(size);
    return std::clamp(value.negative ? -number : number, low, high);
}

Exact to_integral(const Exact& value, Round round) {
    if (value.kind != Kind::finite || value.exponent >= 0) {
        return value;
    }
    return with_magnitude(value, shift_rounded(value, -value.exponent, round), 0, false);
}

}  // namespace kw::emu
