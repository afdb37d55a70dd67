// SPDX-License-Identifier: Apache-2.0
// A start source: correct everywhere, slow as it stands (one running sum, a division an element).
#include "rmsnorm_quant.h"

#include <cmath>
#include <cstdint>
#include <cstring>

// Partial sums and maxima held side by side; the compiler puts them into vectors.
//!tune LANES = {1, 8, 16, 32, 64}
#define LANES 1
// Take the sum, the squares and the maximum in one pass, or in two.
//!tune FUSE = {0, 1}
#define FUSE 0
// Rounding: 0 nearbyint of a quotient, 1 nearbyint of a product, 2 product and a magic addend.
//!tune QUANTISE = {0, 1, 2}
#define QUANTISE 0
// Elements a step of the loop that writes codes.
//!tune STRIP = {1, 16, 32, 64}
#define STRIP 1
// Distance in bytes of software prefetch of the inputs; 0 = none.
//!tune PREFETCH = {0, 1024}
#define PREFETCH 0

namespace {

float from_bf16(kw_bf16 h) {
    const std::uint32_t u = static_cast<std::uint32_t>(h) << 16;
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

std::uint32_t bits_of(float x) {
    std::uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}

kw_bf16 to_bf16(float x) {
    const std::uint32_t u = bits_of(x);
    const std::uint32_t rounded = (u + 0x7FFFU + ((u >> 16) & 1U)) >> 16;
    return static_cast<kw_bf16>((u & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded);
}

struct Lanes {
    std::uint32_t bits[LANES] = {};  // largest |r|, as bits: NaN and infinity come out on top
    float squares[LANES] = {};
    float product[LANES] = {};  // largest |r * gamma|
};

inline void square(Lanes& lanes, const float* r, int count) {
    for (int i = 0; i < count; ++i) {
        const std::uint32_t b = bits_of(r[i]) & 0x7FFFFFFFU;
        lanes.bits[i] = b > lanes.bits[i] ? b : lanes.bits[i];
        lanes.squares[i] += r[i] * r[i];
    }
}

inline void multiply(Lanes& lanes, const float* r, const kw_bf16* gamma, int count) {
    for (int i = 0; i < count; ++i) {
        const float p = std::fabs(r[i] * from_bf16(gamma[i]));
        lanes.product[i] = p > lanes.product[i] ? p : lanes.product[i];
    }
}

inline void add_strip(
    const kw_bf16* x, const kw_bf16* gamma, kw_bf16* row, Lanes& lanes, int count) {
    kw_bf16 sum[LANES];
    float r[LANES];
    for (int i = 0; i < count; ++i) {
        sum[i] = to_bf16(from_bf16(row[i]) + from_bf16(x[i]));
        r[i] = from_bf16(sum[i]);
    }
    std::memcpy(row, sum, sizeof(kw_bf16) * static_cast<std::size_t>(count));
    square(lanes, r, count);
    if (FUSE) {
        multiply(lanes, r, gamma, count);
    }
}

inline void scan_strip(const kw_bf16* gamma, const kw_bf16* row, Lanes& lanes, int count) {
    float r[LANES];
    for (int i = 0; i < count; ++i) {
        r[i] = from_bf16(row[i]);
    }
    multiply(lanes, r, gamma, count);
}

Lanes add_row(const kw_bf16* x, const kw_bf16* gamma, kw_bf16* row, std::int64_t H) {
    Lanes lanes;
    const int rest = static_cast<int>(H % LANES);
    const std::int64_t whole = H - rest;
    for (std::int64_t h = 0; h < whole; h += LANES) {
#if PREFETCH
        __builtin_prefetch(reinterpret_cast<const char*>(x + h) + PREFETCH);
        __builtin_prefetch(reinterpret_cast<const char*>(row + h) + PREFETCH, 1);
#endif
        add_strip(x + h, gamma + h, row + h, lanes, LANES);
    }
    add_strip(x + whole, gamma + whole, row + whole, lanes, rest);
    if (!FUSE) {
        for (std::int64_t h = 0; h < whole; h += LANES) {
            scan_strip(gamma + h, row + h, lanes, LANES);
        }
        scan_strip(gamma + whole, row + whole, lanes, rest);
    }
    for (int lane = 1; lane < LANES; ++lane) {
        lanes.bits[0] = lanes.bits[lane] > lanes.bits[0] ? lanes.bits[lane] : lanes.bits[0];
        lanes.squares[0] += lanes.squares[lane];
        lanes.product[0] =
            lanes.product[lane] > lanes.product[0] ? lanes.product[lane] : lanes.product[0];
    }
    return lanes;
}

inline std::int8_t code_of(float product, float step, float factor) {
#if QUANTISE == 0
    (void)factor;
    return static_cast<std::int8_t>(std::nearbyint(product / step));
#elif QUANTISE == 1
    (void)step;
    return static_cast<std::int8_t>(static_cast<int>(std::nearbyint(product * factor)));
#else
    (void)step;
    return static_cast<std::int8_t>(bits_of(product * factor + 12582912.0F));
#endif
}

void write_codes(
    const kw_bf16* row, const kw_bf16* gamma, float product, std::int8_t* codes, std::int64_t H) {
    const float step = product / 127.0F;
    const float factor = 127.0F / product;
    std::int64_t h = 0;
    for (; h + STRIP <= H; h += STRIP) {
        std::int8_t strip[STRIP];
        for (int i = 0; i < STRIP; ++i) {
            strip[i] = code_of(from_bf16(row[h + i]) * from_bf16(gamma[h + i]), step, factor);
        }
        std::memcpy(codes + h, strip, STRIP);
    }
    for (; h < H; ++h) {
        codes[h] = code_of(from_bf16(row[h]) * from_bf16(gamma[h]), step, factor);
    }
}

}  // namespace

void rmsnorm_quant(
    const kw_bf16* x,
    const kw_bf16* gamma,
    kw_bf16* residual,
    int8_t* codes,
    float* scale,
    int64_t M,
    int64_t H) {
    for (std::int64_t m = 0; m < M; ++m) {
        kw_bf16* row = residual + m * H;
        const Lanes lanes = add_row(x + m * H, gamma, row, H);
        float largest;
        std::memcpy(&largest, &lanes.bits[0], sizeof largest);
        const bool poisoned = !(largest < 0x1p60F);
        if (poisoned || largest < 0x1p-60F || lanes.product[0] == 0) {
            scale[m] = poisoned ? NAN : 0.0F;
            std::memset(codes + m * H, 0, static_cast<std::size_t>(H));
            continue;
        }
        const float mean = lanes.squares[0] / static_cast<float>(H);
        scale[m] = lanes.product[0] / std::sqrt(mean + 1e-6F) / 127.0F;
        write_codes(row, gamma, lanes.product[0], codes + m * H, H);
    }
}
