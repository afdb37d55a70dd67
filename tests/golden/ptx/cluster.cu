// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a -std=c++17 cluster.cu
// Two blocks a cluster exchange through each other's shared memory.
#include <cooperative_groups.h>

extern "C" __global__ void __cluster_dims__(2, 1, 1) cluster_swap(const int* x, int* y) {
    namespace cg = cooperative_groups;
    __shared__ int mine[64];
    const cg::cluster_group cluster = cg::this_cluster();
    mine[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
    cluster.sync();
    const int* other = cluster.map_shared_rank(mine, cluster.block_rank() ^ 1);
    y[blockIdx.x * 64 + threadIdx.x] = other[63 - threadIdx.x];
    cluster.sync();
}
