// SPDX-License-Identifier: Apache-2.0
// Oracle for q4_0_gemv: integer sums within a block, double across blocks. y_mag is the sum of the
// products' magnitudes.
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

struct Block {
    int16_t value[k_block];
    int16_t magnitude[k_block];
    double scale;
};
Block activations[k_max_blocks];

void unpack(const uint8_t* x, int64_t blocks) {
    for (int64_t b = 0; b < blocks; ++b) {
        Block& to = activations[b];
        to.scale = f16_value(x + b * k_x_bytes);
        for (int j = 0; j < k_block; ++j) {
            const int v = static_cast<int8_t>(x[b * k_x_bytes + 2 + j]);
            to.value[j] = static_cast<int16_t>(v);
            to.magnitude[j] = static_cast<int16_t>(v < 0 ? -v : v);
        }
    }
}

int dot(const int16_t* a, const int16_t* b) {
    int sum = 0;
    for (int j = 0; j < k_block; ++j) {
        sum += a[j] * b[j];
    }
    return sum;
}

}  // namespace

extern "C" void q4_0_gemv_reference(
    const uint8_t* w, const uint8_t* x, double* y_ref, double* y_mag, int64_t N, int64_t K) {
    const int64_t blocks = K / k_block;
    unpack(x, blocks);
    for (int64_t n = 0; n < N; ++n) {
        double value = 0;
        double mag = 0;
        for (int64_t b = 0; b < blocks; ++b) {
            const uint8_t* block = w + (n * blocks + b) * k_w_bytes;
            const Block& a = activations[b];
            int16_t code[k_block];
            int16_t code_mag[k_block];
            for (int j = 0; j < k_block / 2; ++j) {
                code[j] = static_cast<int16_t>((block[2 + j] & 15) - 8);
                code[j + 16] = static_cast<int16_t>((block[2 + j] >> 4) - 8);
            }
            for (int j = 0; j < k_block; ++j) {
                code_mag[j] = code[j] < 0 ? static_cast<int16_t>(-code[j]) : code[j];
            }
            const int sum = dot(code, a.value);
            const int abs_sum = dot(code_mag, a.magnitude);
            const double scale = f16_value(block) * a.scale;
            value += scale * sum;
            mag += fabs(scale) * abs_sum;
        }
        y_ref[n] = value;
        y_mag[n] = mag;
    }
}
