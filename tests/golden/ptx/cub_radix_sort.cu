// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 cub_radix_sort.cu
// cub::BlockRadixSort of 512 keys, 128 threads.
#include <cub/block/block_radix_sort.cuh>

extern "C" __global__ void cub_radix_sort(unsigned* keys) {
    using Sort = cub::BlockRadixSort<unsigned, 128, 4>;
    __shared__ typename Sort::TempStorage storage;
    unsigned v[4];
    for (int i = 0; i < 4; ++i) {
        v[i] = keys[threadIdx.x * 4 + i];
    }
    Sort(storage).Sort(v);
    for (int i = 0; i < 4; ++i) {
        keys[threadIdx.x * 4 + i] = v[i];
    }
}
