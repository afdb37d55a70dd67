// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a fp8_convert.cu
// f32 and f16 to e4m3 and e5m2 and back, two at a time.
#include <cuda_fp16.h>
#include <cuda_fp8.h>

extern "C" __global__ void to_fp8(
    const float2* x, unsigned short* e4m3, unsigned short* e5m2, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        e4m3[i] = __nv_cvt_float2_to_fp8x2(x[i], __NV_SATFINITE, __NV_E4M3);
        e5m2[i] = __nv_cvt_float2_to_fp8x2(x[i], __NV_SATFINITE, __NV_E5M2);
    }
}

extern "C" __global__ void half_to_fp8(
    const __half2* x, unsigned short* e4m3, unsigned short* e5m2, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const __half2_raw raw = x[i];
        e4m3[i] = __nv_cvt_halfraw2_to_fp8x2(raw, __NV_SATFINITE, __NV_E4M3);
        e5m2[i] = __nv_cvt_halfraw2_to_fp8x2(raw, __NV_NOSAT, __NV_E5M2);
    }
}

extern "C" __global__ void from_fp8(
    const unsigned short* e4m3, const unsigned short* e5m2, float2* a, float2* b, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        a[i] = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(e4m3[i], __NV_E4M3)));
        b[i] = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(e5m2[i], __NV_E5M2)));
    }
}
