// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a -std=c++17 -lineinfo cluster_memory.cu
// Blocks of a cluster on each other's shared memory: loads, stores, atomics, arrivals at another
// block's mbarrier. NAME_bug lacks what orders them, at the line with BUG; NAME_fixed has it.
#include <cooperative_groups.h>

namespace cg = cooperative_groups;

// Every block adds its elements to the bins of all blocks; block r keeps bins with index % 2 == r.
extern "C" __global__ void __cluster_dims__(2, 1, 1) cluster_histogram(const unsigned* x, unsigned* y) {
    __shared__ unsigned bins[8];
    const cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x < 8) {
        bins[threadIdx.x] = 0;
    }
    cluster.sync();
    const unsigned bin = x[blockIdx.x * 64 + threadIdx.x] % 16;
    atomicAdd(cluster.map_shared_rank(bins, bin % 2) + bin / 2, 1u);
    cluster.sync();
    if (threadIdx.x < 8) {
        y[blockIdx.x * 8 + threadIdx.x] = bins[threadIdx.x];
    }
}

// case push: a store into the neighbour's memory, which reads it after the barrier
extern "C" __global__ void __cluster_dims__(2, 1, 1) push_bug(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    cluster.sync();
    cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    __syncthreads();
    y[blockIdx.x * 64 + threadIdx.x] = box[threadIdx.x];  // BUG
    cluster.sync();
}
extern "C" __global__ void __cluster_dims__(2, 1, 1) push_fixed(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    cluster.sync();
    cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    cluster.sync();
    y[blockIdx.x * 64 + threadIdx.x] = box[threadIdx.x];
}

// case pull: a load of what the neighbour has just written
extern "C" __global__ void __cluster_dims__(2, 1, 1) pull_bug(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    box[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    __syncthreads();
    y[blockIdx.x * 64 + threadIdx.x] =
        cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x];  // BUG
    cluster.sync();
}
extern "C" __global__ void __cluster_dims__(2, 1, 1) pull_fixed(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    box[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    cluster.sync();
    y[blockIdx.x * 64 + threadIdx.x] =
        cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x];
    cluster.sync();
}

// case leave: a block that returns while the other still reads its memory
extern "C" __global__ void __cluster_dims__(2, 1, 1) leave_bug(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    box[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    cluster.sync();
    y[blockIdx.x * 64 + threadIdx.x] =
        cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x];  // BUG
}
extern "C" __global__ void __cluster_dims__(2, 1, 1) leave_fixed(const int* x, int* y) {
    __shared__ int box[64];
    const cg::cluster_group cluster = cg::this_cluster();
    box[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    cluster.sync();
    y[blockIdx.x * 64 + threadIdx.x] =
        cluster.map_shared_rank(box, cluster.block_rank() ^ 1)[threadIdx.x];
    cluster.sync();
}

__device__ __forceinline__ void arrive_there(unsigned long long* barrier, unsigned rank) {
    asm volatile(
        "{ .reg .b32 there; mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there]; }" ::"r"(
            static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
        "r"(rank)
        : "memory");
}

__device__ __forceinline__ void wait_here(unsigned long long* barrier) {
    unsigned ready = 0;
    while (ready == 0) {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], 0;\n"
            "selp.u32 %0, 1, 0, p; }"
            : "=r"(ready)
            : "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier)))
            : "memory");
    }
}

// case signal: the store is published by an arrival at the neighbour's mbarrier
extern "C" __global__ void __cluster_dims__(2, 1, 1) signal_bug(const int* x, int* y) {
    __shared__ int box[64];
    __shared__ __align__(8) unsigned long long barrier;
    const cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 64;" ::"r"(
            static_cast<unsigned>(__cvta_generic_to_shared(&barrier))));
    }
    cluster.sync();
    const unsigned other = cluster.block_rank() ^ 1;
    arrive_there(&barrier, other);
    cluster.map_shared_rank(box, other)[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    wait_here(&barrier);
    y[blockIdx.x * 64 + threadIdx.x] = box[threadIdx.x];  // BUG
    cluster.sync();
}
extern "C" __global__ void __cluster_dims__(2, 1, 1) signal_fixed(const int* x, int* y) {
    __shared__ int box[64];
    __shared__ __align__(8) unsigned long long barrier;
    const cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 64;" ::"r"(
            static_cast<unsigned>(__cvta_generic_to_shared(&barrier))));
    }
    cluster.sync();
    const unsigned other = cluster.block_rank() ^ 1;
    cluster.map_shared_rank(box, other)[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    arrive_there(&barrier, other);
    wait_here(&barrier);
    y[blockIdx.x * 64 + threadIdx.x] = box[threadIdx.x];
    cluster.sync();
}
