// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo histogram.cu
// Counts of bytes: atomics in shared memory, then in global memory; and the other atomics once
// each.
extern "C" __global__ void histogram_256(const unsigned char* data, unsigned* counts, int n) {
    __shared__ unsigned local[256];
    for (int i = threadIdx.x; i < 256; i += blockDim.x) {
        local[i] = 0;
    }
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicAdd(&local[data[i]], 1u);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x) {
        if (local[i] != 0) {
            atomicAdd(&counts[i], local[i]);
        }
    }
}

extern "C" __global__ void atomics_once(
    int* i32, unsigned* u32, unsigned long long* u64, float* f32, double* f64, int* old) {
    const int t = threadIdx.x;
    atomicMin(i32, -t);
    atomicMax(i32 + 1, t);
    atomicAnd(u32, ~(1u << (t % 32)));
    atomicOr(u32 + 1, 1u << (t % 32));
    atomicXor(u32 + 2, t);
    atomicInc(u32 + 3, 10u);
    atomicDec(u32 + 4, 10u);
    atomicAdd(u64, 1ull << 33);
    atomicMax(u64 + 1, static_cast<unsigned long long>(t) << 40);
    atomicAdd(f32, 0.5f);
    atomicAdd(f64, 0.25);
    old[t] = atomicCAS(i32 + 2, t, t + 1) + atomicExch(i32 + 3, t);
}
