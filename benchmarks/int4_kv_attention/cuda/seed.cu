// SPDX-License-Identifier: Apache-2.0
//!kwright task=int4_kv_attention target=cuda
//!workspace part=512*B*HK*G*ceil_div(L,SPAN) part_sum=8*B*HK*G*ceil_div(L,SPAN)
//!launch attend grid=(ceil_div(L, SPAN), B * HK) block=128 smem=4*G*(SPAN+128)
//!       args=(q, k_codes, k_scale, k_zero, v_codes, v_scale, v_zero, part, part_sum, G, L)
//!launch combine grid=B*HK*G block=128 args=(part, part_sum, y, ceil_div(L, SPAN))
// A block of 128 threads takes SPAN tokens of a key/value head and all query heads that share it.
// Scores: a thread a token, with the key scales folded into the queries once a group of 128 tokens.
// Values: a thread a channel. The spans of a query head are joined by a second kernel.
#include <cstdint>
#include <cuda_fp16.h>

// Tokens of a block: whole groups of 128.
//!tune SPAN = {128, 256, 512}
#define SPAN 256
// Query heads that share an unpacked code.
//!tune HEADS = {1, 2, 4}
#define HEADS 2
// Tokens in one loop body of the values.
//!tune UNROLL = {1, 2, 4, 8}
#define UNROLL 2

constexpr int k_unroll = UNROLL;  // a pragma takes no macro
constexpr int k_channels = 128;
constexpr int k_group = 128;  // tokens that share a key scale; threads of a block
constexpr uint32_t k_all = 0xffffffffu;

struct alignas(8) MaxSum {
    float largest;
    float sum;  // of exp(score - largest)
};

__device__ __forceinline__ float over_warp_max(float v) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        v = fmaxf(v, __shfl_xor_sync(k_all, v, step));
    }
    return v;
}
__device__ __forceinline__ float over_warp_sum(float v) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        v += __shfl_xor_sync(k_all, v, step);
    }
    return v;
}

// Queries of the head times the scales of a group: folded[g][c]. What a query makes of the zeros is
// the same for all tokens of the group: offset[g], one warp a query head.
__device__ __forceinline__ void fold(
    const __half* q, const __half* scale, const __half* zero, float* folded, float* offset, int G) {
    const int c = static_cast<int>(threadIdx.x);
    const float softmax_scale = 0.08838834764831845f;  // 1 / sqrt(128)
    for (int g = 0; g < G; ++g) {
        folded[g * k_channels + c] =
            __half2float(q[g * k_channels + c]) * softmax_scale * __half2float(scale[c]);
    }
    for (int g = c / 32; g < G; g += 4) {
        float sum = 0.0f;
#pragma unroll
        for (int i = c % 32; i < k_channels; i += 32) {
            sum = fmaf(
                __half2float(q[g * k_channels + i]) * softmax_scale, __half2float(zero[i]), sum);
        }
        sum = over_warp_sum(sum);
        if (c % 32 == 0) {
            offset[g] = sum;
        }
    }
}

// The scores of one token for HEADS query heads from g0 on; heads behind the last repeat it.
__device__ __forceinline__ void score_token(
    const uint8_t* codes, const float* folded, const float* offset, int g0, int G, float* out) {
    float sum[HEADS] = {};
    const float* query[HEADS];
#pragma unroll
    for (int i = 0; i < HEADS; ++i) {
        query[i] = folded + min(g0 + i, G - 1) * k_channels;
    }
    for (int at = 0; at < k_channels / 2; at += 16) {
        const uint4 four = *reinterpret_cast<const uint4*>(codes + at);
        const uint32_t words[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int j = 0; j < 32; ++j) {  // channel 2j in the low nibble of byte j
            const float code = static_cast<float>(words[j / 8] >> 4 * (j % 8) & 15);
#pragma unroll
            for (int i = 0; i < HEADS; ++i) {
                sum[i] = fmaf(query[i][2 * at + j], code, sum[i]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < HEADS; ++i) {
        if (g0 + i < G) {
            out[(g0 + i) * SPAN] = sum[i] + offset[g0 + i];
        }
    }
}

// Scores become exp(score - largest); a warp a query head.
__device__ __forceinline__ void soften(float* scores, int count, int G, MaxSum* out, int64_t step) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    for (int g = static_cast<int>(threadIdx.x / 32); g < G; g += 4) {
        float* s = scores + g * SPAN;
        float largest = __uint_as_float(0xff800000u);
        for (int t = lane; t < count; t += 32) {
            largest = fmaxf(largest, s[t]);
        }
        largest = over_warp_max(largest);
        float sum = 0.0f;
        for (int t = lane; t < count; t += 32) {
            s[t] = expf(s[t] - largest);
            sum += s[t];
        }
        sum = over_warp_sum(sum);
        if (lane == 0) {
            out[g * step] = MaxSum{largest, sum};
        }
    }
}

// A channel of HEADS query heads.
__device__ __forceinline__ void add_values(
    const uint8_t* codes,
    const __half* scale,
    const __half* zero,
    const float* weights,
    int count,
    int g0,
    int G,
    float* out,
    int64_t step) {
    const int c = static_cast<int>(threadIdx.x);
    const float* weight[HEADS];
    float sum[HEADS] = {};
#pragma unroll
    for (int i = 0; i < HEADS; ++i) {
        weight[i] = weights + min(g0 + i, G - 1) * SPAN;
    }
#pragma unroll k_unroll
    for (int t = 0; t < count; ++t) {
        const int byte = codes[t * (k_channels / 2) + c / 2];
        const float code = static_cast<float>(byte >> 4 * (c % 2) & 15);
        const float value = fmaf(code, __half2float(scale[t]), __half2float(zero[t]));
#pragma unroll
        for (int i = 0; i < HEADS; ++i) {
            sum[i] = fmaf(weight[i][t], value, sum[i]);
        }
    }
#pragma unroll
    for (int i = 0; i < HEADS; ++i) {
        if (g0 + i < G) {
            out[(g0 + i) * step + c] = sum[i];
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) attend(
    const __half* q,
    const uint8_t* k_codes,
    const __half* k_scale,
    const __half* k_zero,
    const uint8_t* v_codes,
    const __half* v_scale,
    const __half* v_zero,
    float* part,
    MaxSum* part_sum,
    int G,
    int64_t L) {
    extern __shared__ float shared[];
    __shared__ float offset[16];
    float* folded = shared;                   // [G][128]
    float* scores = shared + G * k_channels;  // [G][SPAN]
    const int64_t head = blockIdx.y;
    const int64_t first = static_cast<int64_t>(blockIdx.x) * SPAN;
    const int count = static_cast<int>(min(static_cast<int64_t>(SPAN), L - first));
    const int64_t groups = (L + k_group - 1) / k_group;
    for (int base = 0; base < count; base += k_group) {
        const int64_t group = (head * groups + (first + base) / k_group) * k_channels;
        fold(q + head * G * k_channels, k_scale + group, k_zero + group, folded, offset, G);
        __syncthreads();
        const int t = base + static_cast<int>(threadIdx.x);
        if (t < count) {
            const uint8_t* codes = k_codes + (head * L + first + t) * (k_channels / 2);
            for (int g0 = 0; g0 < G; g0 += HEADS) {
                score_token(codes, folded, offset, g0, G, scores + t);
            }
        }
        __syncthreads();
    }
    const int64_t spans = gridDim.x;
    const int64_t at = head * G * spans + blockIdx.x;  // [query head][span]
    soften(scores, count, G, part_sum + at, spans);
    __syncthreads();
    for (int g0 = 0; g0 < G; g0 += HEADS) {
        add_values(
            v_codes + (head * L + first) * (k_channels / 2),
            v_scale + head * L + first,
            v_zero + head * L + first,
            scores,
            count,
            g0,
            G,
            part + at * k_channels,
            spans * k_channels);
    }
}

extern "C" __global__ void __launch_bounds__(128)
    combine(const float* part, const MaxSum* part_sum, __half* y, int spans) {
    const int64_t row = blockIdx.x;
    const int c = static_cast<int>(threadIdx.x);
    float largest = __uint_as_float(0xff800000u);
    for (int i = 0; i < spans; ++i) {
        largest = fmaxf(largest, part_sum[row * spans + i].largest);
    }
    float total = 0.0f;
    float sum = 0.0f;
    for (int i = 0; i < spans; ++i) {
        const MaxSum span = part_sum[row * spans + i];
        const float weight = expf(span.largest - largest);
        total = fmaf(weight, span.sum, total);
        sum = fmaf(weight, part[(row * spans + i) * k_channels + c], sum);
    }
    y[row * k_channels + c] = __float2half_rn(__fdiv_rn(sum, total));
}
