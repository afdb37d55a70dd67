// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 -lineinfo tiles.cu
// Groups smaller than a warp, each with its own member mask in one and the same instruction.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
#include <cub/warp/warp_merge_sort.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>

namespace {

template <int size>
__device__ void in_tiles(const int* x, int* y) {
    namespace cg = cooperative_groups;
    const auto tile = cg::tiled_partition<size>(cg::this_thread_block());
    const int i = threadIdx.x;
    const int n = blockDim.x;
    y[i] = cg::reduce(tile, x[i], cg::plus<int>());
    y[n + i] = static_cast<int>(tile.ballot(x[i] & 1));
    y[2 * n + i] = static_cast<int>(tile.match_any(x[i] & 3));
    y[3 * n + i] = tile.all(x[i] > 0) * 4 + tile.any(x[i] > 90) * 2 + (x[i] == tile.shfl_up(x[i], 1));
    __shared__ int place[128];
    place[i] = x[i];
    tile.sync();
    y[4 * n + i] = place[i ^ (size - 1)];
}

}  // namespace

extern "C" __global__ void tiles_4(const int* x, int* y) {
    in_tiles<4>(x, y);
}
extern "C" __global__ void tiles_8(const int* x, int* y) {
    in_tiles<8>(x, y);
}
extern "C" __global__ void tiles_16(const int* x, int* y) {
    in_tiles<16>(x, y);
}

extern "C" __global__ void tiles_apart(const int* x, int* y) {
    namespace cg = cooperative_groups;
    const auto tile = cg::tiled_partition<8>(cg::this_thread_block());
    int v = x[threadIdx.x];
    // Tiles part and meet again.
    for (unsigned k = 0; k <= tile.meta_group_rank(); ++k) {
        v = tile.shfl(v, (tile.thread_rank() + 1) % 8) + 1;
    }
    y[threadIdx.x] = v;
}

/// Groups of lanes with the same label, loops that end tile by tile, and prefix sums in tiles.
extern "C" __global__ void tiles_uneven(const int* x, int* y) {
    namespace cg = cooperative_groups;
    const int i = threadIdx.x;
    const int n = blockDim.x;
    const auto tile = cg::tiled_partition<16>(cg::this_thread_block());
    const auto alike = cg::labeled_partition(tile, x[i] & 3);
    y[i] = cg::reduce(alike, x[i], cg::plus<int>());
    y[n + i] = cg::inclusive_scan(tile, x[i]);
    int rounds = 0;
    int v = x[i];
    while (tile.any(v > 9)) {
        v = v > 9 ? v / 2 : v;
        ++rounds;
    }
    y[2 * n + i] = rounds;
    y[3 * n + i] = -1;
    if (x[i] & 1) {
        const auto odd = cg::coalesced_threads();
        y[3 * n + i] = odd.shfl(x[i], 0);
    }
}

extern "C" __global__ void half_warp_scan(const float* x, float* y, float* sums) {
    using Scan = cub::WarpScan<float, 16>;
    using Reduce = cub::WarpReduce<float, 16>;
    __shared__ typename Scan::TempStorage scan_storage[4];
    __shared__ typename Reduce::TempStorage reduce_storage[4];
    const int part = threadIdx.x / 16;
    float through = 0.0f;
    Scan(scan_storage[part]).InclusiveSum(x[threadIdx.x], through);
    y[threadIdx.x] = through;
    const float sum = Reduce(reduce_storage[part]).Sum(x[threadIdx.x]);
    if (threadIdx.x % 16 == 0) {
        sums[part] = sum;
    }
}

extern "C" __global__ void half_warp_sort(int* keys) {
    using Sort = cub::WarpMergeSort<int, 2, 16>;
    __shared__ typename Sort::TempStorage storage[2];
    int k[2] = {keys[threadIdx.x * 2], keys[threadIdx.x * 2 + 1]};
    Sort(storage[threadIdx.x / 16]).Sort(k, [](int a, int b) { return a < b; });
    keys[threadIdx.x * 2] = k[0];
    keys[threadIdx.x * 2 + 1] = k[1];
}

/// The loop of the CUDA programming guide: the first read is a plain one.
extern "C" __global__ void product(const float* x, float* all) {
    int* const address = reinterpret_cast<int*>(all);
    int old = *address;
    int assumed = 0;
    do {
        assumed = old;
        old = atomicCAS(
            address, assumed, __float_as_int(x[blockIdx.x * blockDim.x + threadIdx.x] * __int_as_float(assumed)));
    } while (assumed != old);
}

extern "C" __global__ void block_product(const float* x, float* all) {
    __shared__ int place;
    if (threadIdx.x == 0) {
        place = __float_as_int(1.0f);
    }
    __syncthreads();
    int old = place;
    int assumed = 0;
    do {
        assumed = old;
        old = atomicCAS(&place, assumed, __float_as_int(x[threadIdx.x] * __int_as_float(assumed)));
    } while (assumed != old);
    __syncthreads();
    all[threadIdx.x] = __int_as_float(place);
}

/// Block 0 raises the flag; the others wait for it.
extern "C" __global__ void flag_volatile(const int* x, int* y, int* flag) {
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        y[0] = x[0] + 1;
        __threadfence();
        atomicExch(flag, 1);
    } else if (threadIdx.x == 0) {
        while (*static_cast<volatile int*>(flag) == 0) {
        }
        __threadfence();
        y[blockIdx.x] = y[0] + x[blockIdx.x];
    }
}

/// The same with loads that are plain in the PTX.
extern "C" __global__ void flag_plain(const int* x, int* y, int* flag) {
    if (threadIdx.x == 0) {
        int up = blockIdx.x == 0 ? 1 : 0;
        while (up == 0) {
            asm volatile("ld.global.cg.s32 %0, [%1];" : "=r"(up) : "l"(flag) : "memory");
        }
        y[blockIdx.x] = x[blockIdx.x] * 2;
        if (blockIdx.x == 0) {
            atomicExch(flag, 1);
        }
    }
}
