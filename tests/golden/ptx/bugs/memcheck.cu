// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo memcheck.cu
// Seeded memory bugs, each with a correct twin. "case NAME: ..." says how to launch NAME_bug and NAME_fixed(in, out, n);
// "BUG kind" marks the line where a finding of that kind must be.

// case guard: grid=4 block=256 n=1000 in=1000 out=1000
extern "C" __global__ void guard_bug(const float* in, float* out, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n) {
        const float x = in[i];  // BUG out_of_bounds
        out[i] = x;             // BUG out_of_bounds
    }
}
extern "C" __global__ void guard_fixed(const float* in, float* out, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = in[i];
    }
}

// case halo: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void halo_bug(const float* in, float* out, int n) {
    const int i = threadIdx.x;
    out[i] = in[i - 1];  // BUG out_of_bounds
}
extern "C" __global__ void halo_fixed(const float* in, float* out, int n) {
    const int i = threadIdx.x;
    out[i] = i > 0 ? in[i - 1] : 0.0f;
}

// case wild: grid=1 block=32 n=32 in=32 out=32
extern "C" __global__ void wild_bug(const float* in, float* out, int n) {
    const long long stride = 1LL << 36;
    out[threadIdx.x] = in[threadIdx.x * stride];  // BUG out_of_bounds
}
extern "C" __global__ void wild_fixed(const float* in, float* out, int n) {
    out[threadIdx.x] = in[threadIdx.x];
}

// case dynamic_shared: grid=1 block=128 shared=512 n=128 in=128 out=128
extern "C" __global__ void dynamic_shared_bug(const float* in, float* out, int n) {
    extern __shared__ double wide[];
    wide[threadIdx.x] = in[threadIdx.x];  // BUG out_of_bounds
    __syncthreads();
    out[threadIdx.x] = static_cast<float>(wide[(threadIdx.x + 1) % 64]);
}
extern "C" __global__ void dynamic_shared_fixed(const float* in, float* out, int n) {
    extern __shared__ float narrow[];
    narrow[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = narrow[(threadIdx.x + 1) % 128];
}

// case static_shared: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void static_shared_bug(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x + 1];  // BUG out_of_bounds
}
extern "C" __global__ void static_shared_fixed(const float* in, float* out, int n) {
    __shared__ float tile[65];
    tile[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x == 0) {
        tile[64] = 0.0f;
    }
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x + 1];
}

// case local_array: grid=1 block=32 n=9 in=32 out=32
extern "C" __global__ void local_array_bug(const float* in, float* out, int n) {
    float window[8];
    for (int i = 0; i < n; ++i) {
        window[i % 16] = in[(threadIdx.x + i) % 32];  // BUG out_of_bounds
    }
    float sum = 0.0f;
    for (int i = 0; i < 8; ++i) {
        sum += window[(i + n) % 8];
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void local_array_fixed(const float* in, float* out, int n) {
    float window[8];
    for (int i = 0; i < n; ++i) {
        window[i % 8] = in[(threadIdx.x + i) % 32];
    }
    float sum = 0.0f;
    for (int i = 0; i < 8; ++i) {
        sum += window[(i + n) % 8];
    }
    out[threadIdx.x] = sum;
}

// case atomic_bin: grid=2 block=64 n=16 in=128 out=16 zeroed
extern "C" __global__ void atomic_bin_bug(const float* in, float* out, int n) {
    const int bin = static_cast<int>(in[blockIdx.x * 64 + threadIdx.x]) % (n + 1);
    atomicAdd(out + bin, 1.0f);  // BUG out_of_bounds
}
extern "C" __global__ void atomic_bin_fixed(const float* in, float* out, int n) {
    const int bin = static_cast<int>(in[blockIdx.x * 64 + threadIdx.x]) % n;
    atomicAdd(out + bin, 1.0f);
}

// case vector_load: grid=1 block=32 n=128 in=132 out=128
extern "C" __global__ void vector_load_bug(const float* in, float* out, int n) {
    const float4* from = reinterpret_cast<const float4*>(in + 1);
    reinterpret_cast<float4*>(out)[threadIdx.x] = from[threadIdx.x];  // BUG misaligned
}
extern "C" __global__ void vector_load_fixed(const float* in, float* out, int n) {
    const float4 v = reinterpret_cast<const float4*>(in + 4)[threadIdx.x];
    reinterpret_cast<float4*>(out)[threadIdx.x] = v;
}

// case vector_shared: grid=1 block=32 n=64 in=64 out=64
extern "C" __global__ void vector_shared_bug(const float* in, float* out, int n) {
    __shared__ float tile[66];
    tile[2 * threadIdx.x + 1] = in[2 * threadIdx.x];
    tile[2 * threadIdx.x + 2] = in[2 * threadIdx.x + 1];
    __syncthreads();
    const float2 v = *reinterpret_cast<float2*>(tile + 2 * threadIdx.x + 1);  // BUG misaligned
    out[2 * threadIdx.x] = v.y;
    out[2 * threadIdx.x + 1] = v.x;
}
extern "C" __global__ void vector_shared_fixed(const float* in, float* out, int n) {
    __shared__ __align__(8) float tile[64];
    tile[2 * threadIdx.x] = in[2 * threadIdx.x];
    tile[2 * threadIdx.x + 1] = in[2 * threadIdx.x + 1];
    __syncthreads();
    const float2 v = *reinterpret_cast<float2*>(tile + 2 * threadIdx.x);
    out[2 * threadIdx.x] = v.y;
    out[2 * threadIdx.x + 1] = v.x;
}

// case in_place: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void in_place_bug(const float* in, float* out, int n) {
    float* scratch = const_cast<float*>(in);
    const float x = scratch[threadIdx.x];
    scratch[threadIdx.x] = 2.0f * x;  // BUG write_to_read_only
    out[threadIdx.x] = x;
}
extern "C" __global__ void in_place_fixed(const float* in, float* out, int n) {
    out[threadIdx.x] = in[threadIdx.x];
}

// case assertion: grid=1 block=32 n=31 in=32 out=32
#include <cassert>
extern "C" __global__ void assertion_bug(const float* in, float* out, int n) {
    out[threadIdx.x] = in[threadIdx.x];
    assert(static_cast<int>(threadIdx.x) < n);  // BUG assertion
}
extern "C" __global__ void assertion_fixed(const float* in, float* out, int n) {
    out[threadIdx.x] = in[threadIdx.x];
    assert(static_cast<int>(threadIdx.x) <= n);
}
