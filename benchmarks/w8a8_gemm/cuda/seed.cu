// SPDX-License-Identifier: Apache-2.0
//!kwright task=w8a8_gemm target=cuda
//!launch w8a8_gemm grid=(ceil_div(N, WARPS * ROWS), ceil_div(M, TOKENS)) block=(32 * WARPS)
//!       args=(x, sx, w, sw, y, M, N, K)
// A warp takes ROWS outputs of TOKENS tokens; its lanes stand side by side along k with 16 bytes
// each. Four products at a time (dp4a), exact in 32 bits, summed over the lanes in the end.
#include <cstdint>

// Warps of a block.
//!tune WARPS = {2, 4, 8}
#define WARPS 4
// Outputs a warp works on at once: they share every load of x.
//!tune ROWS = {1, 2, 4}
#define ROWS 2
// Tokens a warp works on at once: they share every load of w.
//!tune TOKENS = {1, 2, 4, 8}
#define TOKENS 1
// Pieces of 16 bytes in one loop body.
//!tune UNROLL = {1, 2}
#define UNROLL 1
//!require ROWS * TOKENS <= 16

constexpr int k_unroll = UNROLL;  // a pragma takes no macro

__device__ __forceinline__ int dot16(int4 a, int4 b, int sum) {
    sum = __dp4a(a.x, b.x, sum);
    sum = __dp4a(a.y, b.y, sum);
    sum = __dp4a(a.z, b.z, sum);
    return __dp4a(a.w, b.w, sum);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    float* y,
    int64_t M,
    int64_t N,
    int64_t K) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int64_t n0 = (static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / 32) * ROWS;
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * TOKENS;
    const int8_t* rows[ROWS];  // behind the last one: read that, store nothing
    const int8_t* tokens[TOKENS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        rows[r] = w + min(n0 + r, N - 1) * K;
    }
#pragma unroll
    for (int t = 0; t < TOKENS; ++t) {
        tokens[t] = x + min(m0 + t, M - 1) * K;
    }
    int sums[ROWS][TOKENS] = {};
#pragma unroll k_unroll
    for (int64_t k = 16 * lane; k < K; k += 16 * 32) {
        int4 a[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            a[r] = *reinterpret_cast<const int4*>(rows[r] + k);
        }
#pragma unroll
        for (int t = 0; t < TOKENS; ++t) {
            const int4 b = *reinterpret_cast<const int4*>(tokens[t] + k);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                sums[r][t] = dot16(a[r], b, sums[r][t]);
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
                y[(m0 + t) * N + n0 + r] = sx[m0 + t] * sw[n0 + r] * static_cast<float>(sum);
            }
        }
    }
}
