// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo gemm_f32.cu
// C = A * B, row-major f32: one element a thread, and 16x16 tiles in shared memory.
extern "C" __global__ void gemm_naive(
    const float* a, const float* b, float* c, int m, int n, int k) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    const int row = blockIdx.y * blockDim.y + threadIdx.y;
    if (row < m && column < n) {
        float sum = 0.0f;
        for (int i = 0; i < k; ++i) {
            sum += a[row * k + i] * b[i * n + column];
        }
        c[row * n + column] = sum;
    }
}

extern "C" __global__ void gemm_tiled(
    const float* __restrict__ a, const float* __restrict__ b, float* c, int m, int n, int k) {
    __shared__ float at[16][16];
    __shared__ float bt[16][17];
    const int column = blockIdx.x * 16 + threadIdx.x;
    const int row = blockIdx.y * 16 + threadIdx.y;
    float sum = 0.0f;
    for (int begin = 0; begin < k; begin += 16) {
        const int ka = begin + threadIdx.x;
        const int kb = begin + threadIdx.y;
        at[threadIdx.y][threadIdx.x] = row < m && ka < k ? a[row * k + ka] : 0.0f;
        bt[threadIdx.y][threadIdx.x] = kb < k && column < n ? b[kb * n + column] : 0.0f;
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            sum = fmaf(at[threadIdx.y][i], bt[i][threadIdx.x], sum);
        }
        __syncthreads();
    }
    if (row < m && column < n) {
        c[row * n + column] = sum;
    }
}
