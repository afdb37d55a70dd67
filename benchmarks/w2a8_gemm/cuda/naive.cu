// SPDX-License-Identifier: Apache-2.0
//!kwright task=w2a8_gemm target=cuda
//!launch w2a8_gemm grid=(ceil_div(N, 128), M) block=128 args=(x, w, y, N, K)
// A thread an output: a bit of each plane, the weight they make, one product.
#include <cstdint>

extern "C" __global__ void w2a8_gemm(
    const int8_t* x, const uint32_t* w, int32_t* y, int64_t N, int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t m = blockIdx.y;
    if (n >= N) {
        return;
    }
    const int64_t words = K / 32;
    int32_t sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        const int shift = static_cast<int>(31 - k % 32);
        const int low = static_cast<int>(w[n * words + k / 32] >> shift & 1);
        const int top = static_cast<int>(w[(N + n) * words + k / 32] >> shift & 1);
        sum += static_cast<int>(x[m * K + k]) * (low - 2 * top);
    }
    y[m * N + n] = sum;
}
