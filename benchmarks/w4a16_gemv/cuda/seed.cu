// SPDX-License-Identifier: Apache-2.0
//!kwright task=w4a16_gemv target=cuda
//!launch w4a16_gemv grid=ceil_div(N, WARPS * ROWS) block=(32 * WARPS) args=(w, s, x, y, N, K)
// A warp takes ROWS rows; its lanes stand side by side along k, so that codes and activations are
// read in wide, adjacent pieces. A piece lies within one group: its sum is scaled once.
#include <cstdint>
#include <cuda_fp16.h>

// Warps of a block.
//!tune WARPS = {2, 4, 8}
#define WARPS 4
// Rows a warp works on at once: they share every load of x.
//!tune ROWS = {1, 2, 4}
#define ROWS 1
// Bytes of codes that a lane loads at once; two elements each.
//!tune VEC = {4, 8, 16}
#define VEC 8
// Pieces in one loop body.
//!tune UNROLL = {1, 2, 4}
#define UNROLL 2

constexpr int k_unroll = UNROLL;  // a pragma takes no macro
constexpr int k_words = VEC / 4;  // of codes, eight elements each

struct alignas(VEC) Codes {
    uint32_t word[k_words];
};
struct alignas(16) Eight {
    __half2 pair[4];
};

// Sum of (code - 8) * x over eight elements: element 2j is in the low nibble of byte j, beside
// 2j+1.
__device__ __forceinline__ float products(uint32_t codes, const float* x) {
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const int code = static_cast<int>(codes >> 4 * i & 15);
        sum = fmaf(static_cast<float>(code - 8), x[i], sum);
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) w4a16_gemv(
    const uint8_t* w, const __half* s, const __half* x, __half* y, int64_t N, int64_t K) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int64_t warp = static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / 32;
    const int64_t bytes = K / 2;
    const uint8_t* codes[ROWS];
    const __half* scales[ROWS];
    float total[ROWS] = {};
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const int64_t n =
            min(warp * ROWS + r, N - 1);  // behind the last row: read it, store nothing
        codes[r] = w + n * bytes;
        scales[r] = s + n * (K / 128);
    }
#pragma unroll k_unroll
    for (int64_t at = lane * VEC; at < bytes; at += 32 * VEC) {
        float values[8 * k_words];
#pragma unroll
        for (int i = 0; i < k_words; ++i) {
            const Eight eight = *reinterpret_cast<const Eight*>(x + 2 * at + 8 * i);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float2 pair = __half22float2(eight.pair[j]);
                values[8 * i + 2 * j] = pair.x;
                values[8 * i + 2 * j + 1] = pair.y;
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            const Codes piece = *reinterpret_cast<const Codes*>(codes[r] + at);
            float sum = 0.0f;
#pragma unroll
            for (int i = 0; i < k_words; ++i) {
                sum += products(piece.word[i], values + 8 * i);
            }
            total[r] = fmaf(sum, __half2float(scales[r][at / 64]), total[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
        for (int step = 16; step > 0; step /= 2) {
            total[r] += __shfl_xor_sync(0xffffffffu, total[r], step);
        }
        if (lane == 0 && warp * ROWS + r < N) {
            y[warp * ROWS + r] = __float2half_rn(total[r]);
        }
    }
}
