// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 softmax.cu
// y = softmax(x) by rows, one block a row; online maximum and sum.
#include <cuda_fp16.h>

__device__ float block_reduce(float value, bool maximum, float* shared) {
    for (int step = 16; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(0xFFFFFFFFu, value, step);
        value = maximum ? fmaxf(value, other) : value + other;
    }
    if (threadIdx.x % 32 == 0) {
        shared[threadIdx.x / 32] = value;
    }
    __syncthreads();
    const int warps = blockDim.x / 32;
    value = threadIdx.x % 32 < warps ? shared[threadIdx.x % 32] : (maximum ? -INFINITY : 0.0f);
    for (int step = 16; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(0xFFFFFFFFu, value, step);
        value = maximum ? fmaxf(value, other) : value + other;
    }
    __syncthreads();
    return value;
}

extern "C" __global__ void softmax_f32(const float* x, float* y, int columns) {
    extern __shared__ float row[];
    __shared__ float scratch[32];
    const float* from = x + static_cast<size_t>(blockIdx.x) * columns;
    float largest = -INFINITY;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        row[i] = from[i];
        largest = fmaxf(largest, row[i]);
    }
    largest = block_reduce(largest, true, scratch);
    float sum = 0.0f;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        row[i] = __expf(row[i] - largest);
        sum += row[i];
    }
    sum = block_reduce(sum, false, scratch);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        y[static_cast<size_t>(blockIdx.x) * columns + i] = __fdividef(row[i], sum);
    }
}

extern "C" __global__ void softmax_f16(const __half* x, __half* y, int columns) {
    __shared__ float scratch[32];
    const __half* from = x + static_cast<size_t>(blockIdx.x) * columns;
    float largest = -INFINITY;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        largest = fmaxf(largest, __half2float(from[i]));
    }
    largest = block_reduce(largest, true, scratch);
    float sum = 0.0f;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        sum += expf(__half2float(from[i]) - largest);
    }
    sum = 1.0f / block_reduce(sum, false, scratch);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        y[static_cast<size_t>(blockIdx.x) * columns + i] =
            __float2half_rn(expf(__half2float(from[i]) - largest) * sum);
    }
}
