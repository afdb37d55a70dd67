// SPDX-License-Identifier: Apache-2.0
// Oracle for w4a16_gemv: every product is exact in double (4-bit code x 11-bit significand), only
// the sums round. y_mag is the sum of the products' magnitudes.
#include "w4a16_gemv_reference.h"

#include <math.h>
#include <string.h>

namespace {

constexpr int64_t k_group = 128;
constexpr int64_t k_max = 65536;
constexpr int k_lanes = 8;

// Exact: every binary16 value is a double.
double f16_value(uint16_t h) {
    const uint64_t sign = static_cast<uint64_t>(h >> 15) << 63;
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

// x in double, elements 2j (low nibbles) and 2j+1 (high nibbles) apart: the inner loop then runs
// over bytes without any shuffle.
alignas(64) double even[k_max / 2];
alignas(64) double odd[k_max / 2];

typedef double lanes __attribute__((vector_size(8 * k_lanes)));
typedef uint8_t bytes __attribute__((vector_size(k_lanes)));
typedef int32_t ints __attribute__((vector_size(4 * k_lanes)));
typedef int64_t words __attribute__((vector_size(8 * k_lanes)));

lanes load(const double* p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

lanes magnitude(lanes v) {
    return (lanes)((words)v & 0x7fffffffffffffffLL);
}

double total(const lanes& v) {
    double sum = 0;
    for (int i = 0; i < k_lanes; ++i) {
        sum += v[i];
    }
    return sum;
}

}  // namespace

extern "C" void w4a16_gemv_reference(
    const uint8_t* w,
    const kw_f16* s,
    const kw_f16* x,
    double* y_ref,
    double* y_mag,
    int64_t N,
    int64_t K) {
    for (int64_t j = 0; j < K / 2; ++j) {
        even[j] = f16_value(x[2 * j]);
        odd[j] = f16_value(x[2 * j + 1]);
    }
    for (int64_t n = 0; n < N; ++n) {
        lanes value = {};
        lanes mag = {};
        for (int64_t g = 0; g < K / k_group; ++g) {
            const uint8_t* codes = w + n * (K / 2) + g * (k_group / 2);
            lanes sum = {};
            lanes abs_sum = {};
            for (int64_t j = 0; j < k_group / 2; j += k_lanes) {
                bytes pair;
                memcpy(&pair, codes + j, sizeof pair);
                const ints codes_pair = __builtin_convertvector(pair, ints);
                const lanes low = __builtin_convertvector((codes_pair & 15) - 8, lanes);
                const lanes high = __builtin_convertvector((codes_pair >> 4) - 8, lanes);
                const lanes p = low * load(even + g * (k_group / 2) + j);
                const lanes q = high * load(odd + g * (k_group / 2) + j);
                sum += p + q;
                abs_sum += magnitude(p) + magnitude(q);
            }
            const double scale = f16_value(s[n * (K / k_group) + g]);
            value += scale * sum;
            mag += fabs(scale) * abs_sum;
        }
        y_ref[n] = total(value);
        y_mag[n] = total(mag);
    }
}
