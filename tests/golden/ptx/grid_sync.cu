// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 grid_sync.cu
// A cooperative launch: all blocks meet twice. And a hand-made one: the last block to arrive adds
// up.
#include <cooperative_groups.h>

extern "C" __global__ void grid_shift(int* x, int n) {
    namespace cg = cooperative_groups;
    const cg::grid_group grid = cg::this_grid();
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    for (int round = 0; round < 2; ++round) {
        const int v = x[(i + 1) % n];
        grid.sync();
        x[i] = v;
        grid.sync();
    }
}

extern "C" __global__ void last_block_adds(const int* x, int* parts, unsigned* arrived, int* sum) {
    __shared__ bool last;
    int v = __reduce_add_sync(0xFFFFFFFFu, x[blockIdx.x * 32 + threadIdx.x]);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = v;
        __threadfence();
        last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last) {
        __threadfence();
        v = threadIdx.x < gridDim.x ? reinterpret_cast<volatile int*>(parts)[threadIdx.x] : 0;
        v = __reduce_add_sync(0xFFFFFFFFu, v);
        if (threadIdx.x == 0) {
            *sum = v;
        }
    }
}
