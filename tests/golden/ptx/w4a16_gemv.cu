// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 w4a16_gemv.cu
// y[n] = sum_k (q[n][k] - 8) * scale[n][k/128] * x[k]; eight 4-bit weights a word, unpacked with
// lop3 into the mantissas of 1024 + q. One warp a row.
#include <cuda_fp16.h>

__device__ __forceinline__ unsigned lop3_and_or(unsigned a) {
    unsigned r;
    asm("lop3.b32 %0, %1, 0x000F000F, 0x64006400, 0xEA;" : "=r"(r) : "r"(a));
    return r;
}

extern "C" __global__ void __launch_bounds__(128) w4a16_gemv(
    const uint4* __restrict__ wq,
    const __half* __restrict__ scale,
    const __half* __restrict__ x,
    __half* __restrict__ y,
    int rows,
    int columns) {
    const int row = blockIdx.x * 4 + threadIdx.y;
    const int lane = threadIdx.x;
    if (row >= rows) {
        return;
    }
    float sum = 0.0f;
    for (int k = lane * 32; k < columns; k += 32 * 32) {
        const uint4 packed = wq[(static_cast<size_t>(row) * columns + k) / 32];
        const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
        float part = 0.0f;
#pragma unroll
        for (int w = 0; w < 4; ++w) {
#pragma unroll
            for (int pair = 0; pair < 4; ++pair) {
                const unsigned bits = lop3_and_or(words[w] >> (4 * pair));
                __half2 q = *reinterpret_cast<const __half2*>(&bits);
                q = __hsub2(q, __float2half2_rn(1032.0f));
                // The halves of a word hold weights 4 apart.
                const float2 f = __half22float2(q);
                part += f.x * __half2float(x[k + 8 * w + pair]);
                part += f.y * __half2float(x[k + 8 * w + pair + 4]);
            }
        }
        sum += part * __half2float(scale[(static_cast<size_t>(row) * columns + k) / 128]);
    }
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    }
    if (lane == 0) {
        y[row] = __float2half_rn(sum);
    }
}
