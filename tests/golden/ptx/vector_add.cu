// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo vector_add.cu
// z[i] = x[i] + y[i] in f32, f16x2, bf16x2 and, four at a time, f32.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void add_f32(const float* x, const float* y, float* z, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        z[i] = x[i] + y[i];
    }
}

extern "C" __global__ void add_f16x2(const __half2* x, const __half2* y, __half2* z, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        z[i] = __hadd2(x[i], y[i]);
    }
}

extern "C" __global__ void add_bf16x2(
    const __nv_bfloat162* x, const __nv_bfloat162* y, __nv_bfloat162* z, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        z[i] = __hadd2(x[i], y[i]);
    }
}

extern "C" __global__ void add_f32x4(
    const float4* __restrict__ x, const float4* __restrict__ y, float4* __restrict__ z, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const float4 a = __ldg(x + i);
        const float4 b = __ldg(y + i);
        z[i] = make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
    }
}
