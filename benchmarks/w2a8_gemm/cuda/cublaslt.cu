// SPDX-License-Identifier: Apache-2.0
//!kwright task=w2a8_gemm target=cuda
//!workspace wide=N*K
//!launch widen grid=(ceil_div(K, 128), N) block=128 args=(w, wide, N, K)
//!launch kw_matmul_s8 grid=(ceil_div(N, 128), M) block=128 args=(x, wide, y, M, N, K)
// Weights widened to bytes, then the vendor's 8-bit product (it takes the place of kw_matmul_s8 where the library is).
#include <cstdint>

extern "C" __global__ void widen(const uint32_t* w, int8_t* wide, int64_t N, int64_t K) {
    const int64_t k = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t n = blockIdx.y;
    if (k >= K) {
        return;
    }
    const int64_t words = K / 32;
    const int shift = static_cast<int>(31 - k % 32);
    const int low = static_cast<int>(w[n * words + k / 32] >> shift & 1);
    const int top = static_cast<int>(w[(N + n) * words + k / 32] >> shift & 1);
    wide[n * K + k] = static_cast<int8_t>(low - 2 * top);
}

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
