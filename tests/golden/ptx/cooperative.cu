// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 cooperative.cu
// Cooperative groups: sum of a block through tiles, a shuffle inside tiles of 8, a coalesced group.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>

namespace cg = cooperative_groups;

extern "C" __global__ void block_sum(const int* x, int* sum, int n) {
    __shared__ int partial[32];
    const cg::thread_block block = cg::this_thread_block();
    const auto warp = cg::tiled_partition<32>(block);
    int v = 0;
    for (int i = block.thread_rank(); i < n; i += block.size()) {
        v += x[i];
    }
    v = cg::reduce(warp, v, cg::plus<int>());
    if (warp.thread_rank() == 0) {
        partial[warp.meta_group_rank()] = v;
    }
    block.sync();
    if (warp.meta_group_rank() == 0) {
        v = warp.thread_rank() < warp.meta_group_size() ? partial[warp.thread_rank()] : 0;
        v = cg::reduce(warp, v, cg::plus<int>());
        if (warp.thread_rank() == 0) {
            *sum = v;
        }
    }
}

extern "C" __global__ void tile_rotate(const float* x, float* y) {
    const auto tile = cg::tiled_partition<8>(cg::this_thread_block());
    y[threadIdx.x] = tile.shfl(x[threadIdx.x], (tile.thread_rank() + 1) % 8);
}

extern "C" __global__ void count_odd(const int* x, int* counter) {
    if (x[threadIdx.x] & 1) {
        const auto active = cg::coalesced_threads();
        if (active.thread_rank() == 0) {
            atomicAdd(counter, static_cast<int>(active.size()));
        }
    }
}
