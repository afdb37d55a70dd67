// SPDX-License-Identifier: Apache-2.0
//!kwright task=w4a16_gemv target=cuda
//!launch w4a16_gemv grid=ceil_div(N, 128) block=128 args=(w, s, x, y, N, K)
// The loop one writes first, a thread an output: decode a code, scale it, multiply, add in f32.
#include <cstdint>
#include <cuda_fp16.h>

extern "C" __global__ void w4a16_gemv(
    const uint8_t* w, const __half* s, const __half* x, __half* y, int64_t N, int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (n >= N) {
        return;
    }
    float sum = 0.0f;
    for (int64_t k = 0; k < K; ++k) {
        const int byte = w[n * (K / 2) + k / 2];
        const int code = k % 2 == 0 ? byte & 15 : byte >> 4;
        const float scale = __half2float(s[n * (K / 128) + k / 128]);
        sum += static_cast<float>(code - 8) * scale * __half2float(x[k]);
    }
    y[n] = __float2half_rn(sum);
}
