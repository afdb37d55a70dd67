// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 -lineinfo cub_block.cu
// CUB by block and by warp: load, store, exchange, sorts of pairs, scans, a histogram, flags.
#include <cub/block/block_adjacent_difference.cuh>
#include <cub/block/block_discontinuity.cuh>
#include <cub/block/block_exchange.cuh>
#include <cub/block/block_histogram.cuh>
#include <cub/block/block_load.cuh>
#include <cub/block/block_merge_sort.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_exchange.cuh>
#include <cub/warp/warp_load.cuh>
#include <cub/warp/warp_merge_sort.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>
#include <cub/warp/warp_store.cuh>

namespace {

struct Less {
    __device__ bool operator()(int a, int b) const { return a < b; }
};
struct Differ {
    __device__ bool operator()(int a, int b) const { return a != b; }
};
struct Larger {
    __device__ int operator()(int a, int b) const { return a > b ? a : b; }
};

}  // namespace

extern "C" __global__ void cub_load_store(const int* x, int* y, int n) {
    using Load = cub::BlockLoad<int, 64, 4, cub::BLOCK_LOAD_TRANSPOSE>;
    using Store = cub::BlockStore<int, 64, 4, cub::BLOCK_STORE_WARP_TRANSPOSE>;
    __shared__ union {
        typename Load::TempStorage load;
        typename Store::TempStorage store;
    } storage;
    int v[4];
    Load(storage.load).Load(x, v, n, -1);
    __syncthreads();
    for (int i = 0; i < 4; ++i) {
        v[i] = v[i] * 3 + threadIdx.x;
    }
    Store(storage.store).Store(y, v, n);
}

extern "C" __global__ void cub_exchange(const int* x, int* y) {
    using Exchange = cub::BlockExchange<int, 64, 4>;
    __shared__ typename Exchange::TempStorage storage;
    int v[4];
    for (int i = 0; i < 4; ++i) {
        v[i] = x[i * 64 + threadIdx.x];
    }
    Exchange(storage).StripedToBlocked(v, v);
    for (int i = 0; i < 4; ++i) {
        y[threadIdx.x * 4 + i] = v[i];
    }
}

extern "C" __global__ void cub_sort_pairs(int* keys, float* values) {
    using Sort = cub::BlockRadixSort<int, 64, 2, float>;
    __shared__ typename Sort::TempStorage storage;
    int k[2];
    float v[2];
    for (int i = 0; i < 2; ++i) {
        k[i] = keys[threadIdx.x * 2 + i];
        v[i] = values[threadIdx.x * 2 + i];
    }
    Sort(storage).SortDescending(k, v);
    for (int i = 0; i < 2; ++i) {
        keys[threadIdx.x * 2 + i] = k[i];
        values[threadIdx.x * 2 + i] = v[i];
    }
}

extern "C" __global__ void cub_merge_sort(int* keys) {
    using Sort = cub::BlockMergeSort<int, 64, 3>;
    __shared__ typename Sort::TempStorage storage;
    int k[3];
    for (int i = 0; i < 3; ++i) {
        k[i] = keys[threadIdx.x * 3 + i];
    }
    Sort(storage).Sort(k, Less());
    for (int i = 0; i < 3; ++i) {
        keys[threadIdx.x * 3 + i] = k[i];
    }
}

extern "C" __global__ void cub_running_max(const int* x, int* y, int* largest) {
    using Scan = cub::BlockScan<int, 128, cub::BLOCK_SCAN_RAKING>;
    __shared__ typename Scan::TempStorage storage;
    int all = 0;
    int mine = 0;
    Scan(storage).InclusiveScan(x[threadIdx.x], mine, Larger(), all);
    y[threadIdx.x] = mine;
    if (threadIdx.x == 0) {
        *largest = all;
    }
}

extern "C" __global__ void cub_raking_max(const double* x, double* largest) {
    using Reduce = cub::BlockReduce<double, 96, cub::BLOCK_REDUCE_RAKING>;
    __shared__ typename Reduce::TempStorage storage;
    const double v = Reduce(storage).Reduce(
        x[threadIdx.x], [](double a, double b) { return a > b ? a : b; });
    if (threadIdx.x == 0) {
        *largest = v;
    }
}

extern "C" __global__ void cub_histogram(const unsigned char* x, unsigned* counts) {
    using Histogram = cub::BlockHistogram<unsigned char, 64, 4, 16>;
    __shared__ typename Histogram::TempStorage storage;
    __shared__ unsigned bins[16];
    unsigned char v[4];
    for (int i = 0; i < 4; ++i) {
        v[i] = x[threadIdx.x * 4 + i];
    }
    Histogram(storage).Histogram(v, bins);
    __syncthreads();
    if (threadIdx.x < 16) {
        counts[threadIdx.x] = bins[threadIdx.x];
    }
}

extern "C" __global__ void cub_run_heads(const int* x, int* heads, int* steps) {
    using Flags = cub::BlockDiscontinuity<int, 64>;
    using Difference = cub::BlockAdjacentDifference<int, 64>;
    __shared__ typename Flags::TempStorage flag_storage;
    __shared__ typename Difference::TempStorage step_storage;
    int v[1] = {x[threadIdx.x]};
    int head[1];
    int step[1];
    Flags(flag_storage).FlagHeads(head, v, Differ());
    Difference(step_storage).SubtractLeft(v, step, [](int a, int b) { return a - b; });
    heads[threadIdx.x] = head[0];
    steps[threadIdx.x] = step[0];
}

extern "C" __global__ void cub_warp_sort(int* keys) {
    using Sort = cub::WarpMergeSort<int, 2, 32>;
    using Load = cub::WarpLoad<int, 2, cub::WARP_LOAD_TRANSPOSE>;
    using Store = cub::WarpStore<int, 2, cub::WARP_STORE_TRANSPOSE>;
    __shared__ typename Sort::TempStorage sort_storage[2];
    __shared__ typename Load::TempStorage load_storage[2];
    __shared__ typename Store::TempStorage store_storage[2];
    const int warp = threadIdx.x / 32;
    int k[2];
    Load(load_storage[warp]).Load(keys + warp * 64, k);
    Sort(sort_storage[warp]).Sort(k, Less());
    Store(store_storage[warp]).Store(keys + warp * 64, k);
}

extern "C" __global__ void cub_warp_scan(const float* x, float* y, float* sums) {
    using Scan = cub::WarpScan<float>;
    using Reduce = cub::WarpReduce<float>;
    __shared__ typename Scan::TempStorage scan_storage[2];
    __shared__ typename Reduce::TempStorage reduce_storage[2];
    const int part = threadIdx.x / 32;
    float before = 0.0f;
    Scan(scan_storage[part]).ExclusiveSum(x[threadIdx.x], before);
    y[threadIdx.x] = before;
    const float sum = Reduce(reduce_storage[part]).Sum(x[threadIdx.x]);
    if (threadIdx.x % 32 == 0) {
        sums[part] = sum;
    }
}

extern "C" __global__ void cub_warp_exchange(const int* x, int* y) {
    using Exchange = cub::WarpExchange<int, 4, 32>;
    __shared__ typename Exchange::TempStorage storage;
    int v[4];
    for (int i = 0; i < 4; ++i) {
        v[i] = x[threadIdx.x * 4 + i];
    }
    Exchange(storage).BlockedToStriped(v, v);
    for (int i = 0; i < 4; ++i) {
        y[i * 32 + threadIdx.x] = v[i];
    }
}
