// SPDX-License-Identifier: Apache-2.0
//!kwright task=w2a8_gemm target=cuda
//!launch w2a8_gemm grid=(ceil_div(N, WARPS * ROWS), ceil_div(M, TOKENS)) block=(32 * WARPS)
//!       args=(x, w, y, M, N, K)
// A warp takes ROWS outputs of TOKENS tokens, a lane one word of each plane at a time: its bits
// become signed bytes, four products are added at a time (dp4a).
#include <cstdint>

// Warps of a block.
//!tune WARPS = {2, 4, 8}
#define WARPS 4
// Outputs a warp works on at once: they share every load of x.
//!tune ROWS = {1, 2, 4}
#define ROWS 1
// Tokens a warp works on at once: they share the decoded weights.
//!tune TOKENS = {1, 2, 4, 8}
#define TOKENS 1
//!require ROWS * TOKENS <= 16

// Four bits become four bytes, 0 or 1; bit 0 is byte 0.
__device__ __forceinline__ uint32_t spread(uint32_t bits) {
    return (bits & 15) * 0x00204081u & 0x01010101u;
}

// Eight times four weights of a word: -2 * top + low, as signed bytes.
__device__ __forceinline__ void decode(uint32_t low, uint32_t top, int* weights) {
    low = __brev(low);  // element 0 was the highest bit
    top = __brev(top);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        weights[i] = static_cast<int>(spread(low >> 4 * i) | spread(top >> 4 * i) * 0xfeu);
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    w2a8_gemm(const int8_t* x, const uint32_t* w, int32_t* y, int64_t M, int64_t N, int64_t K) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int64_t n0 = (static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / 32) * ROWS;
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * TOKENS;
    const int64_t words = K / 32;
    int sums[ROWS][TOKENS] = {};
    for (int64_t i = lane; i < words; i += 32) {
        int weights[ROWS][8];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            const int64_t n = min(n0 + r, N - 1);  // behind the last row: read it, store nothing
            decode(w[n * words + i], w[(N + n) * words + i], weights[r]);
        }
#pragma unroll
        for (int t = 0; t < TOKENS; ++t) {
            const int4* from = reinterpret_cast<const int4*>(x + min(m0 + t, M - 1) * K + 32 * i);
            const int4 a = from[0];
            const int4 b = from[1];
            const int values[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
#pragma unroll
                for (int j = 0; j < 8; ++j) {
                    sums[r][t] = __dp4a(values[j], weights[r][j], sums[r][t]);
                }
            }
        }
    }
#pragma unroll
    for (int t = 0; t < TOKENS; ++t) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            int sum = sums[r][t];
#pragma unroll
            for (int step = 16; step > 0; step /= 2) {
                sum += __shfl_xor_sync(0xffffffffu, sum, step);
            }
            if (lane == 0 && n0 + r < N && m0 + t < M) {
                y[(m0 + t) * N + n0 + r] = sum;
            }
        }
    }
}
