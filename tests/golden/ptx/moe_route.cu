// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_89 moe_route.cu
// Top-2 of 8 experts a token, and an f16 KV-cache entry to s8 with its scale.
#include <cuda_fp16.h>

extern "C" __global__ void top2(const float* logits, int* experts, float* weights, int tokens) {
    const int token = blockIdx.x * blockDim.x + threadIdx.x;
    if (token >= tokens) {
        return;
    }
    int best = 0;
    int second = -1;
    float v1 = logits[token * 8];
    float v2 = -INFINITY;
#pragma unroll
    for (int e = 1; e < 8; ++e) {
        const float v = logits[token * 8 + e];
        if (v > v1) {
            second = best;
            v2 = v1;
            best = e;
            v1 = v;
        } else if (v > v2) {
            second = e;
            v2 = v;
        }
    }
    const float share = 1.0f / (1.0f + __expf(v2 - v1));
    reinterpret_cast<int2*>(experts)[token] = make_int2(best, second);
    reinterpret_cast<float2*>(weights)[token] = make_float2(share, 1.0f - share);
}

extern "C" __global__ void kv_to_s8(const __half* kv, signed char* q, __half* scale, int width) {
    const __half* from = kv + blockIdx.x * width;
    __half largest = __float2half(0.0f);
    for (int i = threadIdx.x; i < width; i += 32) {
        largest = __hmax(largest, __habs(from[i]));
    }
    for (int step = 16; step > 0; step /= 2) {
        largest = __hmax(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, step));
    }
    const float inverse = 127.0f / fmaxf(__half2float(largest), 1e-6f);
    for (int i = threadIdx.x; i < width; i += 32) {
        q[blockIdx.x * width + i] =
            static_cast<signed char>(__float2int_rn(__half2float(from[i]) * inverse));
    }
    if (threadIdx.x == 0) {
        scale[blockIdx.x] = __float2half_rn(__fdividef(1.0f, inverse));
    }
}
