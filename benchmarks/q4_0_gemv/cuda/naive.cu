// SPDX-License-Identifier: Apache-2.0
//!kwright task=q4_0_gemv target=cuda
//!launch q4_0_gemv grid=ceil_div(N, 128) block=128 args=(w, x, y, N, K)
// A thread an output: an exact integer sum a block, blocks added in f32.
#include <cstdint>
#include <cuda_fp16.h>

// Blocks are packed: only two bytes of alignment.
__device__ float scale_of(const uint8_t* block) {
    return __half2float(*reinterpret_cast<const __half*>(block));
}

extern "C" __global__ void q4_0_gemv(
    const uint8_t* w, const uint8_t* x, float* y, int64_t N, int64_t K) {
    const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (n >= N) {
        return;
    }
    const int64_t blocks = K / 32;
    float total = 0.0f;
    for (int64_t b = 0; b < blocks; ++b) {
        const uint8_t* from = w + (n * blocks + b) * 18;
        const uint8_t* with = x + b * 34;
        const int8_t* values = reinterpret_cast<const int8_t*>(with + 2);
        int sum = 0;
        for (int j = 0; j < 16; ++j) {
            const int code = from[2 + j];
            sum += ((code & 15) - 8) * values[j] + ((code >> 4) - 8) * values[j + 16];
        }
        total += scale_of(from) * scale_of(with) * static_cast<float>(sum);
    }
    y[n] = total;
}
