// SPDX-License-Identifier: Apache-2.0
// What `kwright dev bench emulated` runs; kernels.ptx is made of it, so that no compiler is needed:
// nvcc -ptx -arch=sm_80 -lineinfo kernels.cu (cleaned as tests/golden/ptx/make.sh does).
#include <cuda_fp16.h>

// C = A * B, row-major f32, square; 16 x 16 tiles in shared memory.
extern "C" __global__ void gemm_f32(
    const float* __restrict__ a, const float* __restrict__ b, float* c, int n) {
    __shared__ float at[16][16];
    __shared__ float bt[16][17];
    const int column = blockIdx.x * 16 + threadIdx.x;
    const int row = blockIdx.y * 16 + threadIdx.y;
    float sum = 0.0f;
    for (int begin = 0; begin < n; begin += 16) {
        at[threadIdx.y][threadIdx.x] = a[row * n + begin + threadIdx.x];
        bt[threadIdx.y][threadIdx.x] = b[(begin + threadIdx.y) * n + column];
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            sum = fmaf(at[threadIdx.y][i], bt[i][threadIdx.x], sum);
        }
        __syncthreads();
    }
    c[row * n + column] = sum;
}

extern "C" __global__ void add_f16(const __half2* x, const __half2* y, __half2* z, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        z[i] = __hadd2(x[i], y[i]);
    }
}

// D = A * B in s8, A row-major, B column-major, both `words` words of four a line; a warp makes
// 16 x 8 of D, four warps a block.
extern "C" __global__ void gemm_s8(const int* a, const int* b, int* d, int columns, int words) {
    const int lane = threadIdx.x;
    const int group = lane / 4;
    const int member = lane % 4;
    const int row = (blockIdx.y * 4 + threadIdx.y) * 16 + group;
    const int column = blockIdx.x * 8;
    const int* high = a + row * words + member;
    const int* low = high + 8 * words;
    const int* right = b + (column + group) * words + member;
    int c[4] = {0, 0, 0, 0};
    for (int k = 0; k < words; k += 8) {
        asm volatile(
            "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
            "{%8, %9}, {%0, %1, %2, %3};"
            : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
            : "r"(high[k]),
              "r"(low[k]),
              "r"(high[k + 4]),
              "r"(low[k + 4]),
              "r"(right[k]),
              "r"(right[k + 4]));
    }
    int* out = d + row * columns + column + member * 2;
    *reinterpret_cast<int2*>(out) = make_int2(c[0], c[1]);
    *reinterpret_cast<int2*>(out + 8 * columns) = make_int2(c[2], c[3]);
}

// y = W * x: 4-bit weights minus 8, a half scale for 128 of them; a warp a row, four rows a block.
extern "C" __global__ void gemv_w4a16(
    const uint4* __restrict__ w,
    const __half* __restrict__ scale,
    const __half* __restrict__ x,
    __half* y,
    int columns) {
    const int row = blockIdx.x * 4 + threadIdx.y;
    const int lane = threadIdx.x;
    float sum = 0.0f;
    for (int k = lane * 32; k < columns; k += 32 * 32) {
        const uint4 packed = w[(row * columns + k) / 32];
        const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
        float part = 0.0f;
#pragma unroll
        for (int i = 0; i < 32; ++i) {
            const int q = static_cast<int>(words[i / 8] >> (4 * (i % 8)) & 15u) - 8;
            part += static_cast<float>(q) * __half2float(x[k + i]);
        }
        sum += part * __half2float(scale[(row * columns + k) / 128]);
    }
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    }
    if (lane == 0) {
        y[row] = __float2half_rn(sum);
    }
}
