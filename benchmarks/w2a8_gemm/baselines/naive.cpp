// SPDX-License-Identifier: Apache-2.0
// Three loops that pick the two bits of every weight.
#include "w2a8_gemm.h"

extern "C" void w2a8_gemm(
    const int8_t* x,
    const uint32_t* w,
    int32_t* y,
    const void* /*packed*/,
    int64_t M,
    int64_t N,
    int64_t K) {
    const int64_t words = K / 32;
    for (int64_t m = 0; m < M; ++m) {
        for (int64_t n = 0; n < N; ++n) {
            int32_t sum = 0;
            for (int64_t k = 0; k < K; ++k) {
                const uint32_t low = w[n * words + k / 32] >> (31 - k % 32) & 1;
                const uint32_t top = w[(N + n) * words + k / 32] >> (31 - k % 32) & 1;
                sum += x[m * K + k] * (static_cast<int32_t>(low) - 2 * static_cast<int32_t>(top));
            }
            y[m * N + n] = sum;
        }
    }
}
