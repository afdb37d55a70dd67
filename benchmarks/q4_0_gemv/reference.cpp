// SPDX-License-Identifier: Apache-2.0
// Oracle for q4_0_gemv: exact 16-bit products within a block (at most 2 * 8 * 128 a lane), double
// across blocks, sixteen lanes side by side. y_mag is the sum of the products' magnitudes.
#include "q4_0_gemv_reference.h"

#include <math.h>
#include <string.h>

namespace {

constexpr int64_t k_block = 32;
constexpr int64_t k_w_bytes = 18;
constexpr int64_t k_x_bytes = 34;
constexpr int64_t k_max_blocks = 65536 / k_block;

// Exact: every binary16 value is a double.
double f16_value(const uint8_t* p) {
    const uint64_t h = static_cast<uint64_t>(p[0] | p[1] << 8);
    const uint64_t sign = h >> 15 << 63;
    const uint64_t exponent = h >> 10 & 31;
    const uint64_t fraction = h & 1023;
    uint64_t bits = (exponent + 1008) << 52 | fraction << 42;
    if (exponent == 31) {
        bits = 2047ULL << 52 | fraction << 42;
    } else if (exponent == 0) {
        const double subnormal = static_cast<double>(fraction) * 0x1p-24;
        memcpy(&bits, &subnormal, sizeof bits);
    }
    bits |= sign;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef int16_t shorts __attribute__((vector_size(32)));
typedef int32_t ints __attribute__((vector_size(64)));
typedef double lanes __attribute__((vector_size(128)));

struct Block {
    shorts low, high;          // elements 0..15 and 16..31
    shorts low_mag, high_mag;  // their magnitudes
    double scale;
};
Block activations[k_max_blocks];

shorts magnitude(shorts v) {
    return v < 0 ? -v : v;
}

shorts widen(const uint8_t* p) {
    int8_t from[16];
    memcpy(from, p, sizeof from);
    shorts to;
    for (int j = 0; j < 16; ++j) {
        to[j] = from[j];
    }
    return to;
}

void unpack(const uint8_t* x, int64_t blocks) {
    for (int64_t b = 0; b < blocks; ++b) {
        const uint8_t* from = x + b * k_x_bytes;
        Block& to = activations[b];
        to.scale = f16_value(from);
        to.low = widen(from + 2);
        to.high = widen(from + 18);
        to.low_mag = magnitude(to.low);
        to.high_mag = magnitude(to.high);
    }
}

lanes to_double(shorts v) {
    return __builtin_convertvector(__builtin_convertvector(v, ints), lanes);
}

double total(const lanes& v) {
    double sum = 0;
    for (int i = 0; i < 16; ++i) {
        sum += v[i];
    }
    return sum;
}

}  // namespace

extern "C" void q4_0_gemv_reference(
    const uint8_t* w, const uint8_t* x, double* y_ref, double* y_mag, int64_t N, int64_t K) {
    const int64_t blocks = K / k_block;
    unpack(x, blocks);
    for (int64_t n = 0; n < N; ++n) {
        lanes value = {};
        lanes mag = {};
        for (int64_t b = 0; b < blocks; ++b) {
            const uint8_t* block = w + (n * blocks + b) * k_w_bytes;
            const Block& a = activations[b];
            bytes codes;
            memcpy(&codes, block + 2, sizeof codes);
            const shorts low = __builtin_convertvector(codes & 15, shorts) - 8;
            const shorts high = __builtin_convertvector(codes >> 4, shorts) - 8;
            const shorts sums = low * a.low + high * a.high;
            const shorts mags = magnitude(low) * a.low_mag + magnitude(high) * a.high_mag;
            const double scale = f16_value(block) * a.scale;
            value += scale * to_double(sums);
            mag += fabs(scale) * to_double(mags);
        }
        y_ref[n] = total(value);
        y_mag[n] = total(mag);
    }
}
