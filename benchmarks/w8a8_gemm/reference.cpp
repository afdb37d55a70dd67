// SPDX-License-Identifier: Apache-2.0
// Oracle for w8a8_gemm: exact integer sums, scales in double. The tolerance has no random-walk
// term, so y_mag only scales the projection; it is |y|.
#include "w8a8_gemm_reference.h"

#include <math.h>
#include <stdlib.h>

namespace {

// |sum| <= 65536 * 2^14 = 2^30: an int never overflows.
int dot(const int8_t* a, const int8_t* b, int64_t K) {
    int sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        sum += a[k] * b[k];
    }
    return sum;
}

constexpr int64_t k_max = 65536;
double column[k_max];      // sum_n r[n] * sw[n] * w[n][k]
double column_mag[k_max];  // sum_n |r[n] * sw[n] * w[n][k]|

}  // namespace

extern "C" void w8a8_gemm_reference(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    double* y_ref,
    double* y_mag,
    int64_t M,
    int64_t N,
    int64_t K) {
    for (int64_t n = 0; n < N; ++n) {
        for (int64_t m = 0; m < M; ++m) {
            const double scale = static_cast<double>(sx[m]) * sw[n];
            const double y = scale * dot(x + m * K, w + n * K, K);
            y_ref[m * N + n] = y;
            y_mag[m * N + n] = fabs(y);
        }
    }
}

// proj_mag is an upper bound: |y[m][n]| <= sx[m] * sw[n] * sum_k |x[m][k] * w[n][k]|.
extern "C" void w8a8_gemm_reference_project(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    const double* r,
    double* proj,
    double* proj_mag,
    int64_t M,
    int64_t N,
    int64_t K) {
    for (int64_t k = 0; k < K; ++k) {
        column[k] = 0;
        column_mag[k] = 0;
    }
    for (int64_t n = 0; n < N; ++n) {
        const double weight = r[n] * sw[n];
        const double weight_mag = fabs(weight);
        const int8_t* row = w + n * K;
        for (int64_t k = 0; k < K; ++k) {
            column[k] += weight * row[k];
            column_mag[k] += weight_mag * abs(row[k]);
        }
    }
    for (int64_t m = 0; m < M; ++m) {
        double sum = 0;
        double mag = 0;
        for (int64_t k = 0; k < K; ++k) {
            sum += column[k] * x[m * K + k];
            mag += column_mag[k] * abs(x[m * K + k]);
        }
        proj[m] = sx[m] * sum;
        proj_mag[m] = fabs(static_cast<double>(sx[m])) * mag;
    }
}

extern "C" void w8a8_gemm_reference_at(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    const int64_t* index,
    int64_t count,
    double* y_ref,
    double* y_mag,
    int64_t /*M*/,
    int64_t N,
    int64_t K) {
    for (int64_t i = 0; i < count; ++i) {
        const int64_t m = index[i] / N;
        const int64_t n = index[i] % N;
        const double scale = static_cast<double>(sx[m]) * sw[n];
        y_ref[i] = scale * dot(x + m * K, w + n * K, K);
        y_mag[i] = fabs(y_ref[i]);
    }
}
