// SPDX-License-Identifier: Apache-2.0
// Oracle for w2a8_gemm: weights decoded row by row to signed bytes, exact integer sums.
#include "w2a8_gemm_reference.h"

#include <string.h>

namespace {

constexpr int64_t k_max = 65536;

int8_t row_values[k_max];
uint64_t column[k_max];  // sum_n r[n] * w[n][k] modulo 2^64

void decode_row(const uint32_t* w, int64_t n, int64_t N, int64_t K, int8_t* out) {
    const uint32_t* low = w + n * (K / 32);
    const uint32_t* top = low + N * (K / 32);
    for (int64_t i = 0; i < K / 32; ++i) {
        for (int j = 0; j < 32; ++j) {
            const int low_bit = static_cast<int>(low[i] >> (31 - j) & 1);
            const int top_bit = static_cast<int>(top[i] >> (31 - j) & 1);
            out[32 * i + j] = static_cast<int8_t>(low_bit - 2 * top_bit);
        }
    }
}

// |sum| <= 65536 * 2 * 128 = 2^24.
int dot(const int8_t* a, const int8_t* b, int64_t K) {
    int sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        sum += a[k] * b[k];
    }
    return sum;
}

}  // namespace

extern "C" void w2a8_gemm_reference(
    const int8_t* x, const uint32_t* w, int32_t* y, int64_t M, int64_t N, int64_t K) {
    for (int64_t n = 0; n < N; ++n) {
        decode_row(w, n, N, K, row_values);
        for (int64_t m = 0; m < M; ++m) {
            y[m * N + n] = dot(x + m * K, row_values, K);
        }
    }
}

extern "C" void w2a8_gemm_reference_project(
    const int8_t* x,
    const uint32_t* w,
    const int64_t* r,
    int64_t* proj,
    int64_t M,
    int64_t N,
    int64_t K) {
    memset(column, 0, sizeof(uint64_t) * static_cast<size_t>(K));
    for (int64_t n = 0; n < N; ++n) {
        decode_row(w, n, N, K, row_values);
        const uint64_t factor = static_cast<uint64_t>(r[n]);
        for (int64_t k = 0; k < K; ++k) {
            column[k] += factor * static_cast<uint64_t>(static_cast<int64_t>(row_values[k]));
        }
    }
    for (int64_t m = 0; m < M; ++m) {
        uint64_t sum = 0;
        for (int64_t k = 0; k < K; ++k) {
            sum += column[k] * static_cast<uint64_t>(static_cast<int64_t>(x[m * K + k]));
        }
        proj[m] = static_cast<int64_t>(sum);
    }
}

extern "C" void w2a8_gemm_reference_at(
    const int8_t* x,
    const uint32_t* w,
    const int64_t* index,
    int64_t count,
    int32_t* y,
    int64_t /*M*/,
    int64_t N,
    int64_t K) {
    int64_t decoded = -1;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t n = index[i] % N;
        if (n != decoded) {
            decode_row(w, n, N, K, row_values);
            decoded = n;
        }
        y[i] = dot(x + index[i] / N * K, row_values, K);
    }
}
