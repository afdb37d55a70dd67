// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a -std=c++17 half_atomics.cu
// Sums by atomics on f16x2, bf16x2, float4 and a cuda::atomic_ref with release and acquire.
#include <cuda/atomic>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void atomic_halves(__half2* h, __nv_bfloat162* b, float4* f, __half* one) {
    atomicAdd(h, __floats2half2_rn(1.0f, 0.5f));
    atomicAdd(b, __floats2bfloat162_rn(1.0f, 2.0f));
    atomicAdd(f, make_float4(1.0f, 2.0f, 3.0f, 4.0f));
    atomicAdd(one, __float2half(0.25f));
}

extern "C" __global__ void publish(int* data, int* flag, int* seen) {
    cuda::atomic_ref<int, cuda::thread_scope_device> ready(*flag);
    if (blockIdx.x == 0) {
        data[threadIdx.x] = threadIdx.x + 1;
        __syncthreads();
        if (threadIdx.x == 0) {
            ready.store(1, cuda::memory_order_release);
        }
    } else {
        while (ready.load(cuda::memory_order_acquire) == 0) {
            __nanosleep(100);
        }
        seen[threadIdx.x] = data[threadIdx.x];
        ready.fetch_add(1, cuda::memory_order_relaxed);
    }
}
