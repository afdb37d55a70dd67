// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo initcheck.cu
// Seeded reads of what nobody wrote; see memcheck.cu.
#include <cuda_pipeline.h>

// case accumulate: grid=2 block=64 n=128 in=128 out=128
extern "C" __global__ void accumulate_bug(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] += in[i];  // BUG uninitialised_read
}
extern "C" __global__ void accumulate_fixed(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] = in[i];
}

// case atomic_sum: grid=2 block=64 n=1 in=128 out=1
extern "C" __global__ void atomic_sum_bug(const float* in, float* out, int n) {
    atomicAdd(out, in[blockIdx.x * 64 + threadIdx.x]);  // BUG uninitialised_read
}
extern "C" __global__ void atomic_sum_fixed(const float* in, float* out, int n) {
    __shared__ float sum;
    if (blockIdx.x == 0) {
        if (threadIdx.x == 0) {
            sum = 0.0f;
        }
        __syncthreads();
        atomicAdd(&sum, in[threadIdx.x]);
        __syncthreads();
        if (threadIdx.x == 0) {
            out[0] = sum;
        }
    }
}

// case partial_tile: grid=1 block=64 n=50 in=64 out=64
extern "C" __global__ void partial_tile_bug(const float* in, float* out, int n) {
    __shared__ float tile[64];
    if (static_cast<int>(threadIdx.x) < n) {
        tile[threadIdx.x] = in[threadIdx.x];
    }
    __syncthreads();
    out[threadIdx.x] = tile[63 - threadIdx.x];  // BUG uninitialised_read WARNING
}
extern "C" __global__ void partial_tile_fixed(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = static_cast<int>(threadIdx.x) < n ? in[threadIdx.x] : 0.0f;
    __syncthreads();
    out[threadIdx.x] = tile[63 - threadIdx.x];
}

// case partial_local: grid=1 block=32 n=7 in=32 out=32
extern "C" __global__ void partial_local_bug(const float* in, float* out, int n) {
    float window[8];
    for (int i = 0; i < n; ++i) {
        window[i] = in[(threadIdx.x + i) % 32];
    }
    out[threadIdx.x] = window[(threadIdx.x + n) % 8];  // BUG uninitialised_read WARNING
}
extern "C" __global__ void partial_local_fixed(const float* in, float* out, int n) {
    float window[8];
    for (int i = 0; i < n + 1; ++i) {
        window[i] = in[(threadIdx.x + i) % 32];
    }
    out[threadIdx.x] = window[(threadIdx.x + n) % 8];
}

// case ragged_tail: grid=1 block=32 n=63 in=64 out=63
extern "C" __global__ void ragged_tail_bug(const float* in, float* out, int n) {  // BUG unwritten_output
    for (int i = threadIdx.x; i < n / 4; i += 32) {
        for (int j = 0; j < 4; ++j) {
            out[4 * i + j] = in[4 * i + j];
        }
    }
}
extern "C" __global__ void ragged_tail_fixed(const float* in, float* out, int n) {
    for (int i = threadIdx.x; i < n; i += 32) {
        out[i] = in[i];
    }
}

// case copy_no_wait: grid=2 block=64 n=128 in=512 out=128
extern "C" __global__ void copy_no_wait_bug(const float* in, float* out, int n) {
    __shared__ float4 tile[64];
    __pipeline_memcpy_async(&tile[threadIdx.x], in + 4 * (blockIdx.x * 64 + threadIdx.x), 16);
    __pipeline_commit();
    __syncthreads();
    const float4 v = tile[63 - threadIdx.x];  // BUG async_copy_not_waited
    out[blockIdx.x * 64 + threadIdx.x] = v.x + v.y + v.z + v.w;
}
extern "C" __global__ void copy_no_wait_fixed(const float* in, float* out, int n) {
    __shared__ float4 tile[64];
    __pipeline_memcpy_async(&tile[threadIdx.x], in + 4 * (blockIdx.x * 64 + threadIdx.x), 16);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
    const float4 v = tile[63 - threadIdx.x];
    out[blockIdx.x * 64 + threadIdx.x] = v.x + v.y + v.z + v.w;
}

// case copy_wait_one: grid=1 block=32 n=4 in=512 out=32
extern "C" __global__ void copy_wait_one_bug(const float* in, float* out, int n) {
    __shared__ float4 tile[2][32];
    float sum = 0.0f;
    __pipeline_memcpy_async(&tile[0][threadIdx.x], in + 4 * threadIdx.x, 16);
    __pipeline_commit();
    for (int k = 0; k < n; ++k) {
        if (k + 1 < n) {
            __pipeline_memcpy_async(&tile[(k + 1) % 2][threadIdx.x], in + 128 * (k + 1) + 4 * threadIdx.x, 16);
            __pipeline_commit();
        }
        __pipeline_wait_prior(1);
        __syncthreads();
        sum += tile[k % 2][31 - threadIdx.x].x;  // BUG async_copy_not_waited
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void copy_wait_one_fixed(const float* in, float* out, int n) {
    __shared__ float4 tile[2][32];
    float sum = 0.0f;
    __pipeline_memcpy_async(&tile[0][threadIdx.x], in + 4 * threadIdx.x, 16);
    __pipeline_commit();
    for (int k = 0; k < n; ++k) {
        if (k + 1 < n) {
            __pipeline_memcpy_async(&tile[(k + 1) % 2][threadIdx.x], in + 128 * (k + 1) + 4 * threadIdx.x, 16);
        }
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
        sum += tile[k % 2][31 - threadIdx.x].x;
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}
