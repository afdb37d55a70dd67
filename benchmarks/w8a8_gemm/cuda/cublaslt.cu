// SPDX-License-Identifier: Apache-2.0
//!kwright task=w8a8_gemm target=cuda
//!workspace sums=4*M*N
//!launch kw_matmul_s8 grid=(ceil_div(N, 128), M) block=128 args=(x, w, sums, M, N, K)
//!launch scale grid=(ceil_div(N, 128), M) block=128 args=(sums, sx, sw, y, N)
// The vendor's 8-bit product (it takes the place of kw_matmul_s8 where the library is), then the scales.
#include <cstdint>

extern "C" __global__ void kw_matmul_s8(
    const int8_t* a, const int8_t* b, int32_t* d, int64_t M, int64_t N, int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t m = blockIdx.y;
    if (n >= N || m >= M) {
        return;
    }
    int32_t sum = 0;
    for (int64_t k = 0; k < K; ++k) {
        sum += static_cast<int>(a[m * K + k]) * static_cast<int>(b[n * K + k]);
    }
    d[m * N + n] = sum;
}

extern "C" __global__ void scale(
    const int32_t* sums, const float* sx, const float* sw, float* y, int64_t N) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t m = blockIdx.y;
    if (n < N) {
        y[m * N + n] = sx[m] * sw[n] * static_cast<float>(sums[m * N + n]);
    }
}
