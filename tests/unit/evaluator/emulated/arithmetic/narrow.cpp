// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/arithmetic/narrow.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kw::emu::test {

namespace {

double value_of(unsigned bits, int exponent_bits, int fraction_bits, bool infinities) {
    const unsigned fraction = bits & ((1U << fraction_bits) - 1U);
    const unsigned exponent = (bits >> fraction_bits) & ((1U << exponent_bits) - 1U);
    const bool negative = ((bits >> (fraction_bits + exponent_bits)) & 1U) != 0;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const bool all_ones = exponent == (1U << exponent_bits) - 1U;
    double size = 0;
    if (all_ones && infinities) {
        size = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    } else if (all_ones && fraction == (1U << fraction_bits) - 1U) {
        size = std::nan("");
    } else if (exponent == 0) {
        size = std::ldexp(fraction, 1 - bias - fraction_bits);
    } else {
        size = std::ldexp(
            fraction + (1U << fraction_bits), static_cast<int>(exponent) - bias - fraction_bits);
    }
    return negative ? -size : size;
}

template <class F>
NarrowFormat make(
    F value, std::uint32_t largest, std::uint32_t infinity, std::uint32_t nan, std::uint32_t sign) {
    NarrowFormat format;
    for (std::uint32_t bits = 0; bits <= largest; ++bits) {
        format.values.push_back(value(bits));
    }
    format.infinity = infinity;
    format.nan = nan;
    format.sign = sign;
    return format;
}

/// The size at or below |exact|; the halfway point to the next; what lies beyond the last.
std::uint32_t round_size(
    const NarrowFormat& format, long double size, long double rest, Toward toward, bool negative) {
    const auto above = std::upper_bound(format.values.begin(), format.values.end(), size);
    auto index = static_cast<std::size_t>(above - format.values.begin()) - 1;
    if (rest < 0 && size == format.values[index]) {
        index -= 1;  // just below a number of the format
    }
    const long double low = format.values[index];
    const std::size_t last = format.values.size() - 1;
    const long double next =
        index < last ? format.values[index + 1] : low + (low - format.values[last - 1]);
    const bool exact = size == low && rest == 0;
    const long double middle = low + (next - low) / 2;
    const bool more = size > middle || (size == middle && rest > 0);
    const bool tie = size == middle && rest == 0;
    bool step = false;
    switch (toward) {
        case Toward::nearest: step = more || (tie && index % 2 != 0); break;
        case Toward::away: step = more || tie; break;
        case Toward::zero: break;
        case Toward::down: step = !exact && negative; break;
        case Toward::up: step = !exact && !negative; break;
    }
    const bool overflow = index == last && (step || size >= next);
    if (overflow) {
        const bool stays = toward == Toward::zero || (toward == Toward::down && !negative) ||
                           (toward == Toward::up && negative);
        return stays ? static_cast<std::uint32_t>(last) : format.infinity;
    }
    return static_cast<std::uint32_t>(index) + (step ? 1U : 0U);
}

}  // namespace

double half_value(std::uint16_t bits) {
    return value_of(bits, 5, 10, true);
}

double brain_value(std::uint16_t bits) {
    return value_of(bits, 8, 7, true);
}

double e4m3_value(std::uint8_t bits) {
    return value_of(bits, 4, 3, false);
}

double e5m2_value(std::uint8_t bits) {
    return value_of(bits, 5, 2, true);
}

const NarrowFormat& half_format() {
    static const NarrowFormat format = make(
        [](std::uint32_t b) { return half_value(static_cast<std::uint16_t>(b)); },
        0x7BFF,
        0x7C00,
        0x7FFF,
        0x8000);
    return format;
}

const NarrowFormat& brain_format() {
    static const NarrowFormat format = make(
        [](std::uint32_t b) { return brain_value(static_cast<std::uint16_t>(b)); },
        0x7F7F,
        0x7F80,
        0x7FFF,
        0x8000);
    return format;
}

const NarrowFormat& e4m3_format() {
    static const NarrowFormat format = make(
        [](std::uint32_t b) { return e4m3_value(static_cast<std::uint8_t>(b)); },
        0x7E,
        0x7E,
        0x7F,
        0x80);
    return format;
}

const NarrowFormat& e5m2_format() {
    static const NarrowFormat format = make(
        [](std::uint32_t b) { return e5m2_value(static_cast<std::uint8_t>(b)); },
        0x7B,
        0x7B,
        0x7F,
        0x80);
    return format;
}

std::uint32_t round_to(
    const NarrowFormat& format, long double exact, Toward toward, long double rest) {
    if (std::isnan(exact)) {
        return format.nan;
    }
    const bool negative = std::signbit(exact);
    const std::uint32_t sign = negative ? format.sign : 0;
    if (std::isinf(exact)) {
        return sign | format.infinity;
    }
    return sign | round_size(format, std::fabs(exact), negative ? -rest : rest, toward, negative);
}

}  // namespace kw::emu::test
