// SPDX-License-Identifier: Apache-2.0
//!kwright task=scale_add target=cuda
//!launch scale_add grid=ceil_div(N, 128) block=128 args=(w, x, y, N)
extern "C" __global__ void scale_add(const float* w, const float* x, float* y, int N) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < N) {
        y[i] = w[i] * x[i] + 1.0f;
    }
}
