// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 fma_f16.cu
// y = a * x + y in f16x2 and bf16x2, with relu, min and max.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void axpy_f16x2(__half2 a, const __half2* x, __half2* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const __half2 v = __hfma2_relu(a, x[i], y[i]);
        y[i] = __hmin2(__hmax2(v, __float2half2_rn(0.25f)), __float2half2_rn(100.0f));
    }
}

extern "C" __global__ void axpy_bf16x2(
    __nv_bfloat162 a, const __nv_bfloat162* x, __nv_bfloat162* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        y[i] = __hfma2(a, x[i], __hneg2(y[i]));
    }
}
