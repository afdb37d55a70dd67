// SPDX-License-Identifier: Apache-2.0
//!kwright task=w8a8_gemm target=cuda
//!launch w8a8_gemm grid=(ceil_div(N, 128), M) block=128 args=(x, sx, w, sw, y, N, K)
// A thread an output: products of signed bytes, summed in 32 bits, scaled in the end.
#include <cstdint>

extern "C" __global__ void w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    float* y,
    int64_t N,
    int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t m = blockIdx.y;
    if (n >= N) {
        return;
    }
    int sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        sum += static_cast<int>(x[m * K + k]) * static_cast<int>(w[n * K + k]);
    }
    y[m * N + n] = sx[m] * sw[n] * static_cast<float>(sum);
}
