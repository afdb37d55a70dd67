// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_89 -lineinfo rmsnorm_quantise.cu
// q = round(x / rms(x) * weight / scale) to s8 with one scale a row, from bf16; and to e4m3.
#include <cuda_bf16.h>
#include <cuda_fp8.h>

__device__ float2 reduce_sum_max(float sum, float largest) {
    __shared__ float sums[32];
    __shared__ float maxima[32];
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
        largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, step));
    }
    if (threadIdx.x % 32 == 0) {
        sums[threadIdx.x / 32] = sum;
        maxima[threadIdx.x / 32] = largest;
    }
    __syncthreads();
    sum = 0.0f;
    largest = 0.0f;
    for (unsigned i = 0; i < (blockDim.x + 31) / 32; ++i) {
        sum += sums[i];
        largest = fmaxf(largest, maxima[i]);
    }
    return make_float2(sum, largest);
}

extern "C" __global__ void rmsnorm_s8(
    const __nv_bfloat16* x,
    const __nv_bfloat16* weight,
    signed char* q,
    float* scale,
    int columns,
    float epsilon) {
    const size_t base = static_cast<size_t>(blockIdx.x) * columns;
    float sum = 0.0f;
    float largest = 0.0f;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        const float v = __bfloat162float(x[base + i]);
        sum += v * v;
        largest = fmaxf(largest, fabsf(v * __bfloat162float(weight[i])));
    }
    const float2 all = reduce_sum_max(sum, largest);
    const float rms = rsqrtf(all.x / static_cast<float>(columns) + epsilon);
    const float step = fmaxf(all.y * rms / 127.0f, 1e-10f);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        const float v = __bfloat162float(x[base + i]) * rms * __bfloat162float(weight[i]);
        q[base + i] = static_cast<signed char>(max(-127, min(127, __float2int_rn(v / step))));
    }
    if (threadIdx.x == 0) {
        scale[blockIdx.x] = step;
    }
}

extern "C" __global__ void quantise_e4m3(
    const float2* x, __nv_fp8x2_e4m3* q, float inverse, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        q[i] = __nv_fp8x2_e4m3(make_float2(x[i].x * inverse, x[i].y * inverse));
    }
}
