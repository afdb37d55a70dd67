// SPDX-License-Identifier: Apache-2.0
//!kwright task=scale_add target=cuda
//!launch scale_add grid=ceil_div(N, BLOCK * PER_THREAD) block=BLOCK args=(w, x, y, N)
//!tune BLOCK = {32, 64, 128, 256}
#define BLOCK 32
//!tune PER_THREAD = {1, 2, 4}
#define PER_THREAD 1
extern "C" __global__ void scale_add(const float* w, const float* x, float* y, int N) {
    int i = blockIdx.x * BLOCK * PER_THREAD + threadIdx.x;
    for (int n = 0; n < PER_THREAD; ++n, i += BLOCK) {
        if (i < N) {
            y[i] = w[i] * x[i] + 1.0f;
        }
    }
}
