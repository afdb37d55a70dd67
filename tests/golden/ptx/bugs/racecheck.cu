// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo racecheck.cu
// Seeded races in shared memory; see memcheck.cu.
#include <cuda_fp16.h>

// case read_early: grid=2 block=128 n=256 in=256 out=256
extern "C" __global__ void read_early_bug(const float* in, float* out, int n) {
    __shared__ float tile[128];
    tile[threadIdx.x] = in[blockIdx.x * 128 + threadIdx.x];
    out[blockIdx.x * 128 + threadIdx.x] = tile[127 - threadIdx.x];  // BUG shared_race uninitialised_read
}
extern "C" __global__ void read_early_fixed(const float* in, float* out, int n) {
    __shared__ float tile[128];
    tile[threadIdx.x] = in[blockIdx.x * 128 + threadIdx.x];
    __syncthreads();
    out[blockIdx.x * 128 + threadIdx.x] = tile[127 - threadIdx.x];
}

// case write_early: grid=1 block=128 n=4 in=512 out=128
extern "C" __global__ void write_early_bug(const float* in, float* out, int n) {
    __shared__ float tile[128];
    float sum = 0.0f;
    for (int k = 0; k < n; ++k) {
        tile[threadIdx.x] = in[k * 128 + threadIdx.x];  // BUG shared_race
        __syncthreads();
        sum += tile[127 - threadIdx.x];
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void write_early_fixed(const float* in, float* out, int n) {
    __shared__ float tile[128];
    float sum = 0.0f;
    for (int k = 0; k < n; ++k) {
        tile[threadIdx.x] = in[k * 128 + threadIdx.x];
        __syncthreads();
        sum += tile[127 - threadIdx.x];
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// case write_twice: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void write_twice_bug(const float* in, float* out, int n) {
    __shared__ float last;
    if (threadIdx.x % 32 == 0) {
        last = in[threadIdx.x];  // BUG shared_race
    }
    __syncthreads();
    out[threadIdx.x] = last;
}
extern "C" __global__ void write_twice_fixed(const float* in, float* out, int n) {
    __shared__ float last;
    if (threadIdx.x == 32) {
        last = in[threadIdx.x];
    }
    __syncthreads();
    out[threadIdx.x] = last;
}

// case warp_exchange: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void warp_exchange_bug(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = tile[threadIdx.x ^ 1];  // BUG shared_race
}
extern "C" __global__ void warp_exchange_fixed(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    __syncwarp();
    out[threadIdx.x] = tile[threadIdx.x ^ 1];
}

// case shuffle_orders_nothing: grid=1 block=32 n=32 in=32 out=32
extern "C" __global__ void shuffle_orders_nothing_bug(const float* in, float* out, int n) {
    __shared__ volatile float tile[32];
    tile[threadIdx.x] = in[threadIdx.x];
    const float other = __shfl_xor_sync(0xFFFFFFFFu, in[threadIdx.x], 1);
    out[threadIdx.x] = other + const_cast<float*>(tile)[threadIdx.x ^ 3];  // BUG shared_race
}
extern "C" __global__ void shuffle_orders_nothing_fixed(const float* in, float* out, int n) {
    __shared__ volatile float tile[32];
    tile[threadIdx.x] = in[threadIdx.x];
    const float other = __shfl_xor_sync(0xFFFFFFFFu, in[threadIdx.x], 1);
    __syncwarp();
    out[threadIdx.x] = other + const_cast<float*>(tile)[threadIdx.x ^ 3];
}

// case reduce_tail: grid=2 block=128 n=256 in=256 out=2
extern "C" __global__ void reduce_tail_bug(const float* in, float* out, int n) {
    __shared__ float sum[128];
    const unsigned t = threadIdx.x;
    sum[t] = in[blockIdx.x * 128 + t];
    __syncthreads();
    for (unsigned half = 64; half > 16; half /= 2) {
        if (t < half) {
            sum[t] += sum[t + half];
        }
        __syncthreads();
    }
    for (unsigned half = 16; half > 0; half /= 2) {
        if (t < half) {
            sum[t] += sum[t + half];  // BUG shared_race
        }
    }
    if (t == 0) {
        out[blockIdx.x] = sum[0];
    }
}
extern "C" __global__ void reduce_tail_fixed(const float* in, float* out, int n) {
    __shared__ float sum[128];
    const unsigned t = threadIdx.x;
    sum[t] = in[blockIdx.x * 128 + t];
    __syncthreads();
    for (unsigned half = 64; half > 0; half /= 2) {
        if (t < half) {
            sum[t] += sum[t + half];
        }
        __syncthreads();
    }
    if (t == 0) {
        out[blockIdx.x] = sum[0];
    }
}

// case histogram: grid=1 block=64 n=8 in=64 out=8
extern "C" __global__ void histogram_bug(const float* in, float* out, int n) {
    __shared__ int bins[8];
    if (threadIdx.x < 8) {
        bins[threadIdx.x] = 0;
    }
    __syncthreads();
    const int bin = static_cast<int>(in[threadIdx.x]) & 7;
    ++bins[bin];  // BUG shared_race
    __syncthreads();
    if (threadIdx.x < 8) {
        out[threadIdx.x] = static_cast<float>(bins[threadIdx.x]);
    }
}
extern "C" __global__ void histogram_fixed(const float* in, float* out, int n) {
    __shared__ int bins[8];
    if (threadIdx.x < 8) {
        bins[threadIdx.x] = 0;
    }
    __syncthreads();
    const int bin = static_cast<int>(in[threadIdx.x]) & 7;
    atomicAdd(bins + bin, 1);
    __syncthreads();
    if (threadIdx.x < 8) {
        out[threadIdx.x] = static_cast<float>(bins[threadIdx.x]);
    }
}

// case lanes_of_one_store: grid=1 block=32 n=32 in=32 out=32
extern "C" __global__ void lanes_of_one_store_bug(const float* in, float* out, int n) {
    __shared__ float first[4];
    first[threadIdx.x / 8] = in[threadIdx.x];  // BUG shared_race
    __syncthreads();
    out[threadIdx.x] = first[threadIdx.x / 8];
}
extern "C" __global__ void lanes_of_one_store_fixed(const float* in, float* out, int n) {
    __shared__ float first[4];
    first[threadIdx.x / 8] = in[threadIdx.x / 8];  // all write the same
    __syncthreads();
    out[threadIdx.x] = first[threadIdx.x / 8];
}

// case halves: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void halves_bug(const float* in, float* out, int n) {
    __shared__ __half tile[64];
    tile[threadIdx.x] = __float2half(in[threadIdx.x]);
    if (threadIdx.x == 31) {
        tile[32] = __float2half(7.0f);  // BUG shared_race
    }
    __syncthreads();
    out[threadIdx.x] = __half2float(tile[63 - threadIdx.x]);
}
extern "C" __global__ void halves_fixed(const float* in, float* out, int n) {
    __shared__ __half tile[64];
    // Neighbours of two warps share a word, not a place.
    tile[(threadIdx.x + 31) % 64] = __float2half(in[threadIdx.x]);
    __syncthreads();
    out[threadIdx.x] = __half2float(tile[63 - threadIdx.x]);
}

// case bytes: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void bytes_bug(const float* in, float* out, int n) {
    __shared__ signed char tile[64];
    tile[threadIdx.x] = static_cast<signed char>(in[threadIdx.x]);
    const int other = *reinterpret_cast<int*>(tile + threadIdx.x / 4 * 4);  // BUG shared_race
    out[threadIdx.x] = static_cast<float>(other);
}
extern "C" __global__ void bytes_fixed(const float* in, float* out, int n) {
    __shared__ signed char tile[64];
    tile[threadIdx.x * 37 % 64] = static_cast<signed char>(in[threadIdx.x]);
    __syncthreads();
    out[threadIdx.x] = static_cast<float>(*reinterpret_cast<int*>(tile + threadIdx.x / 4 * 4));
}

// case double_buffer: grid=1 block=64 n=6 in=384 out=64
extern "C" __global__ void double_buffer_bug(const float* in, float* out, int n) {
    __shared__ float tile[2][64];
    float sum = 0.0f;
    tile[0][threadIdx.x] = in[threadIdx.x];
    for (int k = 0; k < n; ++k) {
        __syncthreads();
        if (k + 1 < n) {
            tile[k % 2][threadIdx.x] = in[(k + 1) * 64 + threadIdx.x];  // BUG shared_race
        }
        sum += tile[k % 2][63 - threadIdx.x];  // BUG shared_race uninitialised_read
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void double_buffer_fixed(const float* in, float* out, int n) {
    __shared__ float tile[2][64];
    float sum = 0.0f;
    tile[0][threadIdx.x] = in[threadIdx.x];
    for (int k = 0; k < n; ++k) {
        __syncthreads();
        if (k + 1 < n) {
            tile[(k + 1) % 2][threadIdx.x] = in[(k + 1) * 64 + threadIdx.x];
        }
        sum += tile[k % 2][63 - threadIdx.x];
    }
    out[threadIdx.x] = sum;
}

// case wrong_barrier: grid=1 block=128 n=128 in=128 out=128
extern "C" __global__ void wrong_barrier_bug(const float* in, float* out, int n) {
    __shared__ float tile[128];
    tile[threadIdx.x] = in[threadIdx.x];
    // Each half waits for itself alone.
    if (threadIdx.x < 64) {
        asm volatile("bar.sync 1, 64;" ::: "memory");
    } else {
        asm volatile("bar.sync 2, 64;" ::: "memory");
    }
    out[threadIdx.x] = tile[127 - threadIdx.x];  // BUG shared_race
}
extern "C" __global__ void wrong_barrier_fixed(const float* in, float* out, int n) {
    __shared__ float tile[128];
    tile[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x < 64) {
        asm volatile("bar.sync 1, 64;" ::: "memory");
    } else {
        asm volatile("bar.sync 2, 64;" ::: "memory");
    }
    out[threadIdx.x] = tile[threadIdx.x ^ 63];
}

// case flag: grid=1 block=64 n=32 in=64 out=64
extern "C" __global__ void flag_bug(const float* in, float* out, int n) {
    __shared__ float value;
    __shared__ volatile int ready;
    if (threadIdx.x == 0) {
        ready = 0;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        value = in[n];
        ready = 1;  // no fence before it
    }
    if (threadIdx.x >= 32) {
        while (ready == 0) {
        }
        out[threadIdx.x] = value;  // BUG shared_race
    } else {
        out[threadIdx.x] = 0.0f;
    }
}
extern "C" __global__ void flag_fixed(const float* in, float* out, int n) {
    __shared__ float value;
    __shared__ volatile int ready;
    if (threadIdx.x == 0) {
        ready = 0;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        value = in[n];
        __threadfence_block();
        ready = 1;
    }
    if (threadIdx.x >= 32) {
        while (ready == 0) {
        }
        __threadfence_block();
        out[threadIdx.x] = value;
    } else {
        out[threadIdx.x] = 0.0f;
    }
}

// case count_unordered: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void count_unordered_bug(const float* in, float* out, int n) {
    __shared__ int total;
    if (threadIdx.x == 0) {
        total = 0;
    }
    __syncthreads();
    atomicAdd(&total, static_cast<int>(in[threadIdx.x]));
    __syncwarp();
    out[threadIdx.x] = static_cast<float>(total);  // BUG shared_race WARNING
}
extern "C" __global__ void count_unordered_fixed(const float* in, float* out, int n) {
    __shared__ int total;
    if (threadIdx.x == 0) {
        total = 0;
    }
    __syncthreads();
    atomicAdd(&total, static_cast<int>(in[threadIdx.x]));
    __syncthreads();
    out[threadIdx.x] = static_cast<float>(total);
}

// case other_tile: grid=1 block=48 n=8 in=48 out=48
extern "C" __global__ void other_tile_bug(const float* in, float* out, int n) {
    __shared__ float place[48];
    const unsigned tile = 0xFFu << (threadIdx.x & 24u);
    place[threadIdx.x] = in[threadIdx.x];
    __syncwarp(tile);
    out[threadIdx.x] = place[threadIdx.x ^ n];  // BUG shared_race
}
extern "C" __global__ void other_tile_fixed(const float* in, float* out, int n) {
    __shared__ float place[48];
    const unsigned tile = 0xFFu << (threadIdx.x & 24u);
    place[threadIdx.x] = in[threadIdx.x];
    __syncwarp(tile);
    const float near = place[threadIdx.x ^ (n - 1)];
    const float before = near + place[threadIdx.x ^ 1];
    __syncwarp(threadIdx.x < 32 ? 0xFFFFFFFFu : 0xFFFFu);
    __syncwarp(tile);
    out[threadIdx.x] = before + place[threadIdx.x ^ n];
}

// case tiles_in_turn: grid=1 block=32 n=24 in=32 out=32
extern "C" __global__ void tiles_in_turn_bug(const float* in, float* out, int n) {
    __shared__ float place[32];
    place[threadIdx.x] = in[threadIdx.x];
    __syncwarp(0xFFu << (threadIdx.x & 24u));
    float v = place[threadIdx.x ^ 1];
    if (static_cast<int>(threadIdx.x) < n) {
        __syncwarp(0x00FFFFFFu);
    }
    out[threadIdx.x] = v + place[threadIdx.x ^ 16];  // BUG shared_race
}
extern "C" __global__ void tiles_in_turn_fixed(const float* in, float* out, int n) {
    __shared__ float place[32];
    place[threadIdx.x] = in[threadIdx.x];
    // Lane 1 meets lane 0, which meets the others: what lane 1 wrote is over for all.
    if (threadIdx.x < 2) {
        __syncwarp(3);
    }
    if (threadIdx.x != 1) {
        __syncwarp(0xFFFFFFFDu);
    }
    out[threadIdx.x] = threadIdx.x == 1 ? 0.0f : place[1];
}
