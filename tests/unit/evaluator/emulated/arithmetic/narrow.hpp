// SPDX-License-Identifier: Apache-2.0
// Values of the narrow formats from their definition, and rounding to them by search: nothing here
// shares an idea with the engine's bit manipulation.
#pragma once

#include <cstdint>
#include <vector>

namespace kw::emu::test {

/// sign * (1 + fraction) * 2^(exponent - bias); infinities and NaNs where the format has them.
[[nodiscard]] double half_value(std::uint16_t bits);
[[nodiscard]] double brain_value(std::uint16_t bits);
[[nodiscard]] double e4m3_value(std::uint8_t bits);
[[nodiscard]] double e5m2_value(std::uint8_t bits);

enum class Toward { nearest, zero, down, up, away };

/// A format as the list of its finite positive values, by their bits.
struct NarrowFormat {
    std::vector<long double> values;  ///< ascending; the index is the bit pattern
    std::uint32_t infinity = 0;       ///< its bits, or of the largest number where there is none
    std::uint32_t sign = 0;           ///< the sign bit
    std::uint32_t nan = 0;
};
[[nodiscard]] const NarrowFormat& half_format();
[[nodiscard]] const NarrowFormat& brain_format();
[[nodiscard]] const NarrowFormat& e4m3_format();
[[nodiscard]] const NarrowFormat& e5m2_format();

/// `exact` rounded to the format by binary search among its values. Where the sum of two long
/// doubles is needed to be exact, `rest` is what is left out of `exact`, much smaller than its last
/// place.
[[nodiscard]] std::uint32_t round_to(
    const NarrowFormat& format, long double exact, Toward toward, long double rest = 0);

}  // namespace kw::emu::test
