// SPDX-License-Identifier: Apache-2.0
#include "evaluator/scalar.hpp"

#include "core/check.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace kw {
namespace {

/// An IEEE-like 16-bit format with `mantissa` stored bits and exponent bias `bias`.
template <int mantissa, int bias>
std::uint16_t narrow(double value) {
    constexpr int k_shift = 52 - mantissa;
    constexpr int k_top = 15 - mantissa;  // exponent bits
    constexpr std::uint16_t k_infinity =
        static_cast<std::uint16_t>(((1U << k_top) - 1) << mantissa);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 63) << 15);
    const double size = std::abs(value);
    if (std::isnan(value)) {
        return static_cast<std::uint16_t>(sign | k_infinity | (1U << (mantissa - 1)));
    }
    const auto magnitude = std::bit_cast<std::uint64_t>(size);
    const std::uint64_t half = (std::uint64_t{1} << (k_shift - 1)) - 1;
    const double least_normal = std::bit_cast<double>(std::uint64_t{1023 - bias + 1} << 52);
    if (size < least_normal) {
        // Units of the least subnormal; the addition rounds to an integer, ties to even.
        const double unit = std::bit_cast<double>(std::uint64_t{1023 + bias - 1 + mantissa} << 52);
        const double units = (size * unit + 0x1p52) - 0x1p52;
        return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(units));
    }
    const std::uint64_t kept = (magnitude + half + ((magnitude >> k_shift) & 1U)) >> k_shift;
    const std::uint64_t rebased = kept - (std::uint64_t{1023 - bias} << mantissa);
    return static_cast<std::uint16_t>(
        sign | (rebased >= k_infinity ? k_infinity : static_cast<std::uint16_t>(rebased)));
}

template <int mantissa, int bias>
double widen(std::uint16_t bits) {
    const double sign = (bits >> 15) != 0 ? -1.0 : 1.0;
    const int exponent = (bits & 0x7fff) >> mantissa;
    const int fraction = bits & ((1 << mantissa) - 1);
    if (exponent == (1 << (15 - mantissa)) - 1) {
        return fraction != 0 ? std::copysign(std::numeric_limits<double>::quiet_NaN(), sign)
                             : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) {
        return sign * std::ldexp(fraction, 1 - bias - mantissa);
    }
    return sign * std::ldexp(fraction + (1 << mantissa), exponent - bias - mantissa);
}

template <class T>
T get(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

template <class T>
void put(T value, std::byte* at) {
    std::memcpy(at, &value, sizeof value);
}

template <class T>
void put_integer(double value, std::byte* at) {
    constexpr double k_low = static_cast<double>(std::numeric_limits<T>::min());
    // One above the largest: exact in a double for every width.
    const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const double whole = std::nearbyint(value);
    if (std::isnan(value)) {
        put<T>(0, at);
    } else if (whole >= above) {
        put<T>(std::numeric_limits<T>::max(), at);
    } else {
        put<T>(whole <= k_low ? std::numeric_limits<T>::min() : static_cast<T>(whole), at);
    }
}

double saturated(double value, DType dtype) {
    const double most = largest(dtype);
    return std::isfinite(value) && std::abs(value) > most ? std::copysign(most, value) : value;
}

}  // namespace

std::uint16_t to_f16(double value) {
    return narrow<10, 15>(value);
}
std::uint16_t to_bf16(double value) {
    return narrow<7, 127>(value);
}
double from_f16(std::uint16_t bits) {
    return widen<10, 15>(bits);
}
double from_bf16(std::uint16_t bits) {
    return widen<7, 127>(bits);
}

bool is_float(DType dtype) {
    return dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32 ||
           dtype == DType::f64;
}

bool is_signed(DType dtype) {
    return is_float(dtype) || dtype == DType::i8 || dtype == DType::i16 || dtype == DType::i32 ||
           dtype == DType::i64;
}

double largest(DType dtype) {
    switch (dtype) {
        case DType::f16: return 65504;
        case DType::bf16: return 0x1.fep127;
        case DType::f32: return std::numeric_limits<float>::max();
        case DType::f64: return std::numeric_limits<double>::max();
        default:
            return std::ldexp(
                       1.0, static_cast<int>(8 * size_of(dtype)) - (is_signed(dtype) ? 1 : 0)) -
                   1;
    }
}

double least_subnormal(DType dtype) {
    switch (dtype) {
        case DType::f16: return 0x1p-24;
        case DType::bf16: return 0x1p-133;
        case DType::f32: return 0x1p-149;
        case DType::f64: return 0x1p-1074;
        default: break;
    }
    KW_CHECK(is_float(dtype));
    return 0;
}

double load(const std::byte* at, DType dtype) {
    switch (dtype) {
        case DType::f16: return from_f16(get<std::uint16_t>(at));
        case DType::bf16: return from_bf16(get<std::uint16_t>(at));
        case DType::f32: return static_cast<double>(get<float>(at));
        case DType::f64: return get<double>(at);
        case DType::i8: return get<std::int8_t>(at);
        case DType::u8: return get<std::uint8_t>(at);
        case DType::i16: return get<std::int16_t>(at);
        case DType::u16: return get<std::uint16_t>(at);
        case DType::i32: return get<std::int32_t>(at);
        case DType::u32: return get<std::uint32_t>(at);
        case DType::i64: return static_cast<double>(get<std::int64_t>(at));
        case DType::u64: return static_cast<double>(get<std::uint64_t>(at));
    }
    return 0;
}

void store(double value, DType dtype, std::byte* at) {
    switch (dtype) {
        case DType::f16: return put(to_f16(saturated(value, dtype)), at);
        case DType::bf16: return put(to_bf16(saturated(value, dtype)), at);
        case DType::f32: return put(static_cast<float>(saturated(value, dtype)), at);
        case DType::f64: return put(value, at);
        case DType::i8: return put_integer<std::int8_t>(value, at);
        case DType::u8: return put_integer<std::uint8_t>(value, at);
        case DType::i16: return put_integer<std::int16_t>(value, at);
        case DType::u16: return put_integer<std::uint16_t>(value, at);
        case DType::i32: return put_integer<std::int32_t>(value, at);
        case DType::u32: return put_integer<std::uint32_t>(value, at);
        case DType::i64: return put_integer<std::int64_t>(value, at);
        case DType::u64: return put_integer<std::uint64_t>(value, at);
    }
}

double rounded(double value, DType dtype) {
    switch (dtype) {
        case DType::f16: return from_f16(to_f16(value));
        case DType::bf16: return from_bf16(to_bf16(value));
        case DType::f32: {
            // A conversion out of range is undefined in C++: spell the overflow out.
            constexpr double k_limit = 0x1.ffffffp127;
            if (std::abs(value) >= k_limit) {
                return std::copysign(std::numeric_limits<double>::infinity(), value);
            }
            return static_cast<double>(static_cast<float>(value));
        }
        case DType::f64: return value;
        default: {
            std::array<std::byte, 8> scratch{};
            store(value, dtype, scratch.data());
            return load(scratch.data(), dtype);
        }
    }
}

std::string show_number(double value) {
    if (std::isnan(value)) {
        return "nan";
    }
    std::array<char, 64> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 7);
    return {text.data(), end.ptr};
}

std::string show_element(const std::byte* at, DType dtype) {
    if (std::isnan(load(at, dtype))) {
        return "nan";
    }
    std::array<char, 64> text{};
    char* const last = text.data() + text.size();
    std::to_chars_result end{};
    if (dtype == DType::f64) {
        end = std::to_chars(text.data(), last, get<double>(at));
    } else if (dtype == DType::f32) {
        end = std::to_chars(text.data(), last, get<float>(at));
    } else if (dtype == DType::i64) {
        end = std::to_chars(text.data(), last, get<std::int64_t>(at));
    } else if (dtype == DType::u64) {
        end = std::to_chars(text.data(), last, get<std::uint64_t>(at));
    } else if (!is_float(dtype)) {
        end = std::to_chars(text.data(), last, static_cast<std::int64_t>(load(at, dtype)));
    } else {
        const double value = load(at, dtype);
        if (value != 0 && std::abs(value) < 1e7 && value == std::nearbyint(value)) {
            return std::to_string(static_cast<std::int64_t>(value));
        }
        for (int digits = 1; digits <= 6; ++digits) {
            end = std::to_chars(text.data(), last, value, std::chars_format::general, digits);
            double back = 0;
            std::from_chars(text.data(), end.ptr, back);
            if (rounded(back, dtype) == value) {
                break;
            }
        }
    }
    return {text.data(), end.ptr};
}

}  // namespace kw
