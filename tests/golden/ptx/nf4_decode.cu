// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 nf4_decode.cu
// Two nf4 weights a byte through a table in constant memory, times the absolute maximum of each 64.
#include <cuda_fp16.h>

__constant__ float k_nf4[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f};

extern "C" __global__ void nf4_decode(
    const unsigned char* q, const float* absmax, __half2* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const float scale = absmax[i / 32];
        const unsigned byte = q[i];
        y[i] = __floats2half2_rn(k_nf4[byte >> 4] * scale, k_nf4[byte & 15] * scale);
    }
}
