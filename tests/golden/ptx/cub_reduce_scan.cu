// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 -lineinfo cub_reduce_scan.cu
// cub::BlockReduce, BlockScan and WarpReduce, 128 threads.
#include <cub/block/block_load.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/warp/warp_reduce.cuh>

extern "C" __global__ void cub_block_reduce(const float* x, float* sum) {
    using Reduce = cub::BlockReduce<float, 128>;
    __shared__ typename Reduce::TempStorage storage;
    const float total = Reduce(storage).Sum(x[blockIdx.x * 128 + threadIdx.x]);
    if (threadIdx.x == 0) {
        sum[blockIdx.x] = total;
    }
}

extern "C" __global__ void cub_block_scan(const int* x, int* y) {
    using Scan = cub::BlockScan<int, 128>;
    using Load = cub::BlockLoad<int, 128, 4, cub::BLOCK_LOAD_WARP_TRANSPOSE>;
    __shared__ typename Load::TempStorage load_storage;
    __shared__ typename Scan::TempStorage storage;
    int v[4];
    Load(load_storage).Load(x, v);
    Scan(storage).ExclusiveSum(v, v);
    for (int i = 0; i < 4; ++i) {
        y[threadIdx.x * 4 + i] = v[i];
    }
}

extern "C" __global__ void cub_warp_max(const int* x, int* y) {
    using Reduce = cub::WarpReduce<int>;
    __shared__ typename Reduce::TempStorage storage[4];
    const int warp = threadIdx.x / 32;
    const int largest =
        Reduce(storage[warp]).Reduce(x[threadIdx.x], [](int a, int b) { return a > b ? a : b; });
    if (threadIdx.x % 32 == 0) {
        y[warp] = largest;
    }
}
