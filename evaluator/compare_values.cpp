// SPDX-License-Identifier: Apache-2.0
#include "evaluator/compare_values.hpp"

#include "core/check.hpp"
#include "evaluator/scalar.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace kw {
namespace {

constexpr std::size_t k_lanes = 8;
constexpr std::size_t k_piece = 512;

// The data lies in buffers of bytes; memcpy into registers is what a plain load compiles to.
template <class T>
T at(const std::byte* from, std::size_t i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    return value;
}

/// All of f16, subnormals included, without a branch: the exponent is rebased by a multiplication.
float f16_to_float(std::uint16_t half) {
    const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fffU) << 13;
    const float finite = std::bit_cast<float>(magnitude) * 0x1p112F;
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
    const std::uint32_t special = magnitude >= 0x0f800000U ? 0x7f800000U : 0U;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(finite) | special | sign);
}

template <class T>
void widen_plain(const std::byte* from, std::size_t n, double* to) {
    for (std::size_t i = 0; i < n; ++i) {
        to[i] = static_cast<double>(at<T>(from, i));
    }
}

template <class T>
std::uint64_t dot_as(const std::byte* y, const std::byte* r, std::size_t n) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto element = static_cast<std::int64_t>(at<T>(y, i));  // sign-extends
        sum += static_cast<std::uint64_t>(element) * at<std::uint64_t>(r, i);
    }
    return sum;
}

template <class T>
bool elements_fine(
    const std::byte* got, const std::byte* want, const std::byte* alt, std::size_t n) {
    unsigned bad = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const T g = at<T>(got, i);
        bad |= static_cast<unsigned>((g != at<T>(want, i)) & (g != at<T>(alt, i)));
    }
    return bad == 0;
}

bool nibbles_fine(
    const std::byte* got, const std::byte* want, const std::byte* alt, std::size_t n) {
    unsigned bad = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto to_want = static_cast<std::uint8_t>(got[i] ^ want[i]);
        const auto to_alt = static_cast<std::uint8_t>(got[i] ^ alt[i]);
        bad |= static_cast<unsigned>(((to_want & 0x0fU) != 0) & ((to_alt & 0x0fU) != 0)) |
               static_cast<unsigned>(((to_want & 0xf0U) != 0) & ((to_alt & 0xf0U) != 0));
    }
    return bad == 0;
}

}  // namespace

// Honest errors: |e_n| <= u_out |y_n| by rounding the output, and u_mag * mag_n from the sum
// inside. The signs of r are random and drawn after y is fixed, so that sum r_n e_n is a random
// walk: P(|sum| > 8 sqrt(sum (r_n e_n)^2)) < 3e-14 (Hoeffding). For the inner part only sum |r| mag
// is known, which bounds it linearly. The last term is the rounding of the two sums in double.
double Allowance::of_projection(
    const Projection& row, double magnitude, double weights, std::size_t columns) const {
    const double walk = 8 * 1.01 * row.norm;
    const double inside = u_mag * magnitude + tiny * weights;
    const double output = u_out * (std::min(walk, 1.01 * row.absolute) + inside);
    const double summing = 0x1p-52 * static_cast<double>(columns) * (row.absolute + magnitude);
    return output + inside + summing;
}

void widen(const std::byte* from, DType dtype, std::size_t n, double* to) {
    switch (dtype) {
        case DType::f16:
            for (std::size_t i = 0; i < n; ++i) {
                to[i] = static_cast<double>(f16_to_float(at<std::uint16_t>(from, i)));
            }
            return;
        case DType::bf16:
            for (std::size_t i = 0; i < n; ++i) {
                const auto bits = static_cast<std::uint32_t>(at<std::uint16_t>(from, i)) << 16;
                to[i] = static_cast<double>(std::bit_cast<float>(bits));
            }
            return;
        case DType::f32: return widen_plain<float>(from, n, to);
        case DType::f64: return widen_plain<double>(from, n, to);
        case DType::i8: return widen_plain<std::int8_t>(from, n, to);
        case DType::u8: return widen_plain<std::uint8_t>(from, n, to);
        case DType::i16: return widen_plain<std::int16_t>(from, n, to);
        case DType::u16: return widen_plain<std::uint16_t>(from, n, to);
        case DType::i32: return widen_plain<std::int32_t>(from, n, to);
        case DType::u32: return widen_plain<std::uint32_t>(from, n, to);
        case DType::i64: return widen_plain<std::int64_t>(from, n, to);
        case DType::u64: return widen_plain<std::uint64_t>(from, n, to);
    }
}

double worst_error(
    const double* values,
    const std::byte* ref,
    const std::byte* mag,
    std::size_t n,
    const Allowance& allowance) {
    constexpr double k_infinity = std::numeric_limits<double>::infinity();
    const auto part = [&](std::size_t i, double want, double mag_value) {
        const double error = std::abs(values[i] - want);
        const double allowed = allowance.of(want, mag_value);
        const double fraction = error / (allowed > 0 ? allowed : 1);
        // Infinity for whatever needs a closer look; NaN fails both comparisons.
        return (error <= allowed) & (error < k_infinity) ? fraction : k_infinity;
    };
    std::array<double, k_lanes> worst{};
    std::size_t i = 0;
    for (; i + k_lanes <= n; i += k_lanes) {
        std::array<double, k_lanes> wants;
        std::array<double, k_lanes> mags;
        std::memcpy(wants.data(), ref + i * sizeof(double), sizeof wants);
        std::memcpy(mags.data(), mag + i * sizeof(double), sizeof mags);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            const double now = part(i + lane, wants[lane], mags[lane]);
            worst[lane] = now > worst[lane] ? now : worst[lane];
        }
    }
    for (; i < n; ++i) {
        worst[0] = std::max(worst[0], part(i, at<double>(ref, i), at<double>(mag, i)));
    }
    return *std::max_element(worst.begin(), worst.end());
}

bool codes_fine(
    const std::byte* got,
    const std::byte* want,
    const std::byte* alt,
    std::size_t bytes,
    bool nibbles,
    std::size_t size) {
    if (nibbles) {
        return nibbles_fine(got, want, alt, bytes);
    }
    switch (size) {
        case 1: return elements_fine<std::uint8_t>(got, want, alt, bytes);
        case 2: return elements_fine<std::uint16_t>(got, want, alt, bytes / 2);
        case 4: return elements_fine<std::uint32_t>(got, want, alt, bytes / 4);
        default: return elements_fine<std::uint64_t>(got, want, alt, bytes / 8);
    }
}

std::uint64_t wrapped_dot(const std::byte* y, DType dtype, const std::byte* r, std::size_t n) {
    switch (dtype) {
        case DType::i8: return dot_as<std::int8_t>(y, r, n);
        case DType::u8: return dot_as<std::uint8_t>(y, r, n);
        case DType::i16: return dot_as<std::int16_t>(y, r, n);
        case DType::u16: return dot_as<std::uint16_t>(y, r, n);
        case DType::i32: return dot_as<std::int32_t>(y, r, n);
        case DType::u32: return dot_as<std::uint32_t>(y, r, n);
        case DType::i64: return dot_as<std::int64_t>(y, r, n);
        case DType::u64: return dot_as<std::uint64_t>(y, r, n);
        default: break;
    }
    KW_CHECK(!is_float(dtype));
    return 0;
}

Projection project_row(const std::byte* y, DType dtype, const std::byte* r, std::size_t n) {
    std::array<double, k_piece> values{};
    std::array<double, k_lanes> sum{};
    std::array<double, k_lanes> squares{};
    std::array<double, k_lanes> sizes{};
    for (std::size_t from = 0; from < n; from += k_piece) {
        const std::size_t now = std::min(k_piece, n - from);
        widen(y + from * size_of(dtype), dtype, now, values.data());
        std::fill(values.begin() + static_cast<std::ptrdiff_t>(now), values.end(), 0.0);
        for (std::size_t i = 0; i < now; ++i) {
            values[i] *= at<double>(r, from + i);
        }
        for (std::size_t i = 0; i < k_piece; i += k_lanes) {
            for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                const double term = values[i + lane];
                sum[lane] += term;
                squares[lane] += term * term;
                sizes[lane] += std::abs(term);
            }
        }
    }
    Projection projection;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        projection.value += sum[lane];
        projection.norm += squares[lane];
        projection.absolute += sizes[lane];
    }
    projection.norm = std::sqrt(projection.norm);
    return projection;
}

}  // namespace kw
