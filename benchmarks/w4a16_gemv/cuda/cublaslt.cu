// SPDX-License-Identifier: Apache-2.0
//!kwright task=w4a16_gemv target=cuda
//!workspace wide=2*N*K
//!launch widen grid=(ceil_div(K / 2, 128), N) block=128 args=(w, s, wide, K)
//!launch kw_matmul_f16 grid=ceil_div(N, 128) block=128 args=(x, wide, y, 1, N, K)
// Weights to f16, then the vendor's product (it takes the place of kw_matmul_f16 where the library is).
#include <cstdint>
#include <cuda_fp16.h>

extern "C" __global__ void widen(const uint8_t* w, const __half* s, __half* wide, int64_t K) {
    const int64_t j = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t n = blockIdx.y;
    if (j >= K / 2) {
        return;
    }
    const int byte = w[n * (K / 2) + j];
    const float scale = __half2float(s[n * (K / 128) + 2 * j / 128]);
    wide[n * K + 2 * j] = __float2half_rn(static_cast<float>((byte & 15) - 8) * scale);
    wide[n * K + 2 * j + 1] = __float2half_rn(static_cast<float>((byte >> 4) - 8) * scale);
}

extern "C" __global__ void kw_matmul_f16(
    const __half* a, const __half* b, __half* d, int64_t M, int64_t N, int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t m = blockIdx.y;
    if (n >= N || m >= M) {
        return;
    }
    float sum = 0.0f;
    for (int64_t k = 0; k < K; ++k) {
        sum += __half2float(a[m * K + k]) * __half2float(b[n * K + k]);
    }
    d[m * N + n] = __float2half_rn(sum);
}
