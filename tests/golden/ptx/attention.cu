// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo attention.cu
// One query a warp against s8 keys and f16 values with an online softmax; width 64.
#include <cuda_fp16.h>

extern "C" __global__ void attention_kv8(
    const float* __restrict__ q,
    const char4* __restrict__ k,
    const float* __restrict__ k_scale,
    const __half2* __restrict__ v,
    float2* __restrict__ out,
    int length) {
    const int lane = threadIdx.x;
    const int query = blockIdx.x;
    const float4 mine = reinterpret_cast<const float4*>(q + query * 64)[lane % 16];
    float largest = -1e30f;
    float sum = 0.0f;
    float2 value = make_float2(0.0f, 0.0f);
    for (int i = 0; i < length; ++i) {
        const char4 key = k[i * 16 + lane % 16];
        float score = mine.x * key.x + mine.y * key.y + mine.z * key.z + mine.w * key.w;
#pragma unroll
        for (int step = 8; step > 0; step /= 2) {
            score += __shfl_xor_sync(0xFFFFFFFFu, score, step);
        }
        score *= k_scale[i] * 0.125f;
        const float next = fmaxf(largest, score);
        const float keep = exp2f((largest - next) * 1.44269504f);
        const float share = exp2f((score - next) * 1.44269504f);
        const float2 entry = __half22float2(v[i * 32 + lane]);
        value.x = value.x * keep + share * entry.x;
        value.y = value.y * keep + share * entry.y;
        sum = sum * keep + share;
        largest = next;
    }
    out[query * 32 + lane] = make_float2(value.x / sum, value.y / sum);
}
