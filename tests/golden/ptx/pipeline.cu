// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 -lineinfo pipeline.cu
// libcu++: memcpy_async through a cuda::pipeline of two stages, and a cuda::barrier.
#include <cuda/barrier>
#include <cuda/pipeline>

#pragma nv_diag_suppress static_var_with_dynamic_init

extern "C" __global__ void pipeline_sum(const float* x, float* y, int tiles) {
    __shared__ float buffer[2][128];
    cuda::pipeline<cuda::thread_scope_thread> pipe = cuda::make_pipeline();
    const int t = threadIdx.x;
    pipe.producer_acquire();
    cuda::memcpy_async(&buffer[0][t], x + t, sizeof(float), pipe);
    pipe.producer_commit();
    float sum = 0.0f;
    for (int i = 0; i < tiles; ++i) {
        if (i + 1 < tiles) {
            pipe.producer_acquire();
            cuda::memcpy_async(&buffer[(i + 1) % 2][t], x + (i + 1) * 128 + t, sizeof(float), pipe);
            pipe.producer_commit();
            cuda::pipeline_consumer_wait_prior<1>(pipe);
        } else {
            cuda::pipeline_consumer_wait_prior<0>(pipe);
        }
        __syncthreads();
        sum += buffer[i % 2][(t + 1) % 128];
        __syncthreads();
        pipe.consumer_release();
    }
    y[t] = sum;
}

extern "C" __global__ void barrier_phases(const int* x, int* y) {
    __shared__ cuda::barrier<cuda::thread_scope_block> barrier;
    __shared__ int swap[64];
    if (threadIdx.x == 0) {
        init(&barrier, blockDim.x);
    }
    __syncthreads();
    swap[threadIdx.x] = x[threadIdx.x];
    barrier.arrive_and_wait();
    const int v = swap[63 - threadIdx.x];
    barrier.arrive_and_wait();
    swap[threadIdx.x] = v + 1;
    barrier.arrive_and_wait();
    y[threadIdx.x] = swap[threadIdx.x ^ 1];
}
