// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo dp4a_gemv.cu
// y[n] = scale[n] * sum_k w[n][k] * x[k], 8-bit integers, four products an instruction.
extern "C" __global__ void dp4a_gemv(
    const int* __restrict__ w,
    const int* __restrict__ x,
    const float* __restrict__ scale,
    float* __restrict__ y,
    int words) {
    __shared__ int part[8];
    int sum = 0;
    for (int i = threadIdx.x; i < words; i += blockDim.x) {
        sum = __dp4a(w[blockIdx.x * words + i], x[i], sum);
    }
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_down_sync(0xFFFFFFFFu, sum, step);
    }
    if (threadIdx.x % 32 == 0) {
        part[threadIdx.x / 32] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        int total = 0;
        for (unsigned i = 0; i < blockDim.x / 32; ++i) {
            total += part[i];
        }
        y[blockIdx.x] = scale[blockIdx.x] * static_cast<float>(total);
    }
}

extern "C" __global__ void dp2a_mixed(
    const short2* a, const unsigned* b, const int* c, int* d, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const int pair = a[i].x | (a[i].y << 16);
        d[i] =
            __dp2a_hi(pair, static_cast<int>(b[i]), __dp2a_lo(pair, static_cast<int>(b[i]), c[i]));
    }
}
