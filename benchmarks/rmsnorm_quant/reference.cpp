// SPDX-License-Identifier: Apache-2.0
// The oracle. Products r * gamma are exact in f64; the norm cancels in n / scale, so codes come
// from 127 * product / largest product, with a second code allowed within 2^-20 of a midpoint.
#include "rmsnorm_quant_reference.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr double k_band = 0x1p-20;             // relative: four f32 roundings fit in it
constexpr int k_lanes = 16;                    // partial sums, so that the loop vectorises
constexpr std::uint32_t k_poisoned = 0x5D80;   // bf16 bits of 2^60
constexpr std::uint32_t k_vanishing = 0x2180;  // bf16 bits of 2^-60

float from_bf16(kw_bf16 h) {
    const std::uint32_t u = static_cast<std::uint32_t>(h) << 16;
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

// Round to nearest even; every NaN becomes 0x7FC0.
kw_bf16 to_bf16(float x) {
    std::uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    const std::uint32_t rounded = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16;
    return static_cast<kw_bf16>((u & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded);
}

struct RowFacts {
    std::uint32_t max_bits = 0;  // of |r|
    double squares = 0;
    double max_product = 0;  // of |r * gamma|
};

RowFacts measure(const kw_bf16* r, const kw_bf16* gamma, std::int64_t H) {
    std::uint32_t bits[k_lanes] = {};
    double squares[k_lanes] = {};
    double product[k_lanes] = {};
    const auto step = [&](std::int64_t h, int lane) {
        const std::uint32_t b = r[h] & 0x7FFFU;
        const double value = from_bf16(r[h]);
        const double magnitude = std::fabs(value * static_cast<double>(from_bf16(gamma[h])));
        bits[lane] = b > bits[lane] ? b : bits[lane];
        squares[lane] += value * value;
        product[lane] = magnitude > product[lane] ? magnitude : product[lane];
    };
    std::int64_t h = 0;
    for (; h + k_lanes <= H; h += k_lanes) {
        for (int lane = 0; lane < k_lanes; ++lane) {
            step(h + lane, lane);
        }
    }
    for (; h < H; ++h) {
        step(h, 0);
    }
    RowFacts facts;
    for (int lane = 0; lane < k_lanes; ++lane) {
        facts.max_bits = bits[lane] > facts.max_bits ? bits[lane] : facts.max_bits;
        facts.squares += squares[lane];
        facts.max_product = product[lane] > facts.max_product ? product[lane] : facts.max_product;
    }
    return facts;
}

void quantise(
    const kw_bf16* r,
    const kw_bf16* gamma,
    double max_product,
    std::int8_t* want,
    std::int8_t* alt,
    std::int64_t H) {
    constexpr double k_round = 0x1.8p52;  // adding and subtracting it rounds to nearest even
    const double factor = 127.0 / max_product;
    for (std::int64_t h = 0; h < H; ++h) {
        const double product =
            static_cast<double>(from_bf16(r[h])) * static_cast<double>(from_bf16(gamma[h]));
        const double t = product * factor;
        const double slack = k_band * t;
        const double code = (t + k_round) - k_round;
        const double lower = ((t - slack) + k_round) - k_round;
        const double upper = ((t + slack) + k_round) - k_round;
        want[h] = static_cast<std::int8_t>(static_cast<int>(code));
        alt[h] = static_cast<std::int8_t>(static_cast<int>(lower + upper - code));
    }
}

}  // namespace

void rmsnorm_quant_reference(
    const kw_bf16* x,
    const kw_bf16* gamma,
    const kw_bf16* residual,
    kw_bf16* residual_out,
    std::int8_t* codes_want,
    std::int8_t* codes_alt,
    double* scale_ref,
    double* scale_mag,
    std::int64_t M,
    std::int64_t H) {
    for (std::int64_t m = 0; m < M; ++m) {
        kw_bf16* r = residual_out + m * H;
        for (std::int64_t h = 0; h < H; ++h) {
            r[h] = to_bf16(from_bf16(residual[m * H + h]) + from_bf16(x[m * H + h]));
        }
        const RowFacts facts = measure(r, gamma, H);
        const bool poisoned = facts.max_bits >= k_poisoned;
        const bool zero = facts.max_bits < k_vanishing || facts.max_product == 0;
        if (poisoned || zero) {
            scale_ref[m] = poisoned ? NAN : 0.0;
            scale_mag[m] = 0;
            std::memset(codes_want + m * H, 0, static_cast<std::size_t>(H));
            std::memset(codes_alt + m * H, 0, static_cast<std::size_t>(H));
            continue;
        }
        const double mean = facts.squares / static_cast<double>(H);
        scale_ref[m] = facts.max_product / std::sqrt(mean + 1e-6) / 127.0;
        scale_mag[m] = scale_ref[m];
        quantise(r, gamma, facts.max_product, codes_want + m * H, codes_alt + m * H, H);
    }
}
