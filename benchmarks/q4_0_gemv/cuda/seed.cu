// SPDX-License-Identifier: Apache-2.0
//!kwright task=q4_0_gemv target=cuda
//!launch q4_0_gemv grid=ceil_div(N, WARPS * ROWS) block=(32 * WARPS) smem=STAGE*(K+K/4)
//!       args=(w, x, y, N, K)
// A warp takes ROWS rows, a lane one block of 32 elements at a time: four products at a time
// (dp4a) on the unsigned codes, whose offset is 8 times the block's sum of activations.
#include <cstdint>
#include <cuda_fp16.h>

// Warps of a block.
//!tune WARPS = {2, 4, 8}
#define WARPS 4
// Rows a warp works on at once: they share every load of x.
//!tune ROWS = {1, 2, 4}
#define ROWS 2
// 1: the activations are unpacked into shared memory once a block of threads.
//!tune STAGE = {0, 1}
#define STAGE 0

// Activations of a block of 32.
struct Block {
    int values[8];  // four each
    int offset;     // -8 * sum
    float scale;
};

// 4 bytes that are aligned to 2.
__device__ __forceinline__ uint32_t load_word(const uint8_t* p) {
    const uint16_t* half = reinterpret_cast<const uint16_t*>(p);
    return half[0] | static_cast<uint32_t>(half[1]) << 16;
}
__device__ __forceinline__ float load_scale(const uint8_t* p) {
    return __half2float(*reinterpret_cast<const __half*>(p));
}

__device__ __forceinline__ Block unpack(const uint8_t* from) {
    Block block;
    block.scale = load_scale(from);
    int sum = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        block.values[i] = static_cast<int>(load_word(from + 2 + 4 * i));
        sum = __dp4a(block.values[i], 0x01010101, sum);
    }
    block.offset = -8 * sum;
    return block;
}

// Staged field by field: neighbouring lanes then use neighbouring banks.
__device__ __forceinline__ void put(int* shared, int64_t b, int64_t blocks, const Block& block) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        shared[i * blocks + b] = block.values[i];
    }
    shared[8 * blocks + b] = block.offset;
    shared[9 * blocks + b] = __float_as_int(block.scale);
}
__device__ __forceinline__ Block get(const int* shared, int64_t b, int64_t blocks) {
    Block block;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        block.values[i] = shared[i * blocks + b];
    }
    block.offset = shared[8 * blocks + b];
    block.scale = __int_as_float(shared[9 * blocks + b]);
    return block;
}

// Element j is in the low nibble of byte j, element j + 16 in the high one.
__device__ __forceinline__ float products(const uint8_t* from, const Block& x) {
    int sum = x.offset;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const uint32_t codes = load_word(from + 2 + 4 * i);
        sum = __dp4a(static_cast<int>(codes & 0x0f0f0f0fu), x.values[i], sum);
        sum = __dp4a(static_cast<int>(codes >> 4 & 0x0f0f0f0fu), x.values[i + 4], sum);
    }
    return load_scale(from) * x.scale * static_cast<float>(sum);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    q4_0_gemv(const uint8_t* w, const uint8_t* x, float* y, int64_t N, int64_t K) {
    extern __shared__ int shared[];
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int64_t blocks = K / 32;
    const int64_t n0 = (static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / 32) * ROWS;
    if (STAGE == 1) {
        for (int64_t b = threadIdx.x; b < blocks; b += 32 * WARPS) {
            put(shared, b, blocks, unpack(x + b * 34));
        }
        __syncthreads();
    }
    float total[ROWS] = {};
    for (int64_t b = lane; b < blocks; b += 32) {
        const Block with = STAGE == 1 ? get(shared, b, blocks) : unpack(x + b * 34);
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            const int64_t n = min(n0 + r, N - 1);  // behind the last row: read it, store nothing
            total[r] += products(w + (n * blocks + b) * 18, with);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
        for (int step = 16; step > 0; step /= 2) {
            total[r] += __shfl_xor_sync(0xffffffffu, total[r], step);
        }
        if (lane == 0 && n0 + r < N) {
            y[n0 + r] = total[r];
        }
    }
}
