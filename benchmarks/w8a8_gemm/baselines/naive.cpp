// SPDX-License-Identifier: Apache-2.0
// Three loops and an int accumulator.
#include "w8a8_gemm.h"

extern "C" void w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    float* y,
    const void* /*packed*/,
    int64_t M,
    int64_t N,
    int64_t K) {
    for (int64_t m = 0; m < M; ++m) {
        for (int64_t n = 0; n < N; ++n) {
            int32_t sum = 0;
            for (int64_t k = 0; k < K; ++k) {
                sum += x[m * K + k] * w[n * K + k];
            }
            y[m * N + n] = static_cast<float>(sum) * sx[m] * sw[n];
        }
    }
}
